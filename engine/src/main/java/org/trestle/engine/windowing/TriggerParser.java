package org.trestle.engine.windowing;

import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform;

/** Turns the proto of a trigger into a {@link Trigger}. */
final class TriggerParser {
  private TriggerParser() {}

  /**
   * Reads the trigger of a windowing strategy; not set at all, it is the default one.
   *
   * @throws IllegalArgumentException if a part is missing or has an impossible value, naming it
   */
  static Trigger parse(RunnerApi.Trigger proto) {
    return proto.getTriggerCase() == RunnerApi.Trigger.TriggerCase.TRIGGER_NOT_SET
        ? new Trigger.Default()
        : parse(proto, "trigger");
  }

  private static Trigger parse(RunnerApi.Trigger proto, String place) {
    return switch (proto.getTriggerCase()) {
      case AFTER_ALL ->
          new Trigger.AfterAll(
              parseAll(proto.getAfterAll().getSubtriggersList(), place + ".after_all"));
      case AFTER_ANY ->
          new Trigger.AfterAny(
              parseAll(proto.getAfterAny().getSubtriggersList(), place + ".after_any"));
      case AFTER_EACH ->
          new Trigger.AfterEach(
              parseAll(proto.getAfterEach().getSubtriggersList(), place + ".after_each"));
      case AFTER_END_OF_WINDOW -> endOfWindow(proto.getAfterEndOfWindow(), place);
      case AFTER_PROCESSING_TIME ->
          new Trigger.AfterProcessingTime(
              transforms(
                  proto.getAfterProcessingTime().getTimestampTransformsList(),
                  place + ".after_processing_time"));
      case AFTER_SYNCHRONIZED_PROCESSING_TIME -> new Trigger.AfterSynchronizedProcessingTime();
      case ALWAYS -> new Trigger.Always();
      case DEFAULT -> new Trigger.Default();
      case ELEMENT_COUNT -> elementCount(proto.getElementCount().getElementCount(), place);
      case NEVER -> new Trigger.Never();
      case OR_FINALLY ->
          new Trigger.OrFinally(
              parse(proto.getOrFinally().getMain(), place + ".or_finally.main"),
              parse(proto.getOrFinally().getFinally(), place + ".or_finally.finally"));
      case REPEAT ->
          new Trigger.Repeat(
              parse(proto.getRepeat().getSubtrigger(), place + ".repeat.subtrigger"));
      case TRIGGER_NOT_SET -> throw malformed(place, "is missing or of an unknown kind");
    };
  }

  private static List<Trigger> parseAll(List<RunnerApi.Trigger> protos, String place) {
    if (protos.isEmpty()) {
      throw malformed(place, "has no subtriggers");
    }
    List<Trigger> triggers = new ArrayList<>(protos.size());
    for (int i = 0; i < protos.size(); i++) {
      triggers.add(parse(protos.get(i), place + ".subtriggers[" + i + "]"));
    }
    return triggers;
  }

  private static Trigger endOfWindow(RunnerApi.Trigger.AfterEndOfWindow proto, String place) {
    String here = place + ".after_end_of_window";
    return new Trigger.AfterEndOfWindow(
        proto.hasEarlyFirings() ? parse(proto.getEarlyFirings(), here + ".early_firings") : null,
        proto.hasLateFirings() ? parse(proto.getLateFirings(), here + ".late_firings") : null);
  }

  private static Trigger elementCount(int count, String place) {
    if (count < 1) {
      throw malformed(place + ".element_count", "is " + count + ", which is below 1");
    }
    return new Trigger.ElementCount(count);
  }

  private static List<TimestampTransform> transforms(
      List<RunnerApi.TimestampTransform> protos, String place) {
    List<TimestampTransform> transforms = new ArrayList<>(protos.size());
    for (int i = 0; i < protos.size(); i++) {
      transforms.add(transform(protos.get(i), place + ".timestamp_transforms[" + i + "]"));
    }
    return transforms;
  }

  private static TimestampTransform transform(RunnerApi.TimestampTransform proto, String place) {
    return switch (proto.getTimestampTransformCase()) {
      case DELAY -> new TimestampTransform.Delay(proto.getDelay().getDelayMillis());
      case ALIGN_TO -> {
        long period = proto.getAlignTo().getPeriod();
        if (period < 1) {
          throw malformed(place + ".align_to.period", "is " + period + ", which is below 1");
        }
        yield new TimestampTransform.AlignTo(period, proto.getAlignTo().getOffset());
      }
      case TIMESTAMPTRANSFORM_NOT_SET -> throw malformed(place, "is missing or of an unknown kind");
    };
  }

  private static IllegalArgumentException malformed(String place, String what) {
    return new IllegalArgumentException("malformed trigger: " + place + " " + what);
  }
}
