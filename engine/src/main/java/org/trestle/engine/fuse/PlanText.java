package org.trestle.engine.fuse;

import com.google.errorprone.annotations.FormatMethod;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/** Describes plans in text for people; the format of golden files. */
public final class PlanText {
  private final FusedPipeline plan;
  private final Components components;
  private final Map<TransformId, List<Barrier>> barriers = new HashMap<>();
  private final Map<TransformId, List<String>> stages = new HashMap<>();
  private final StringBuilder text = new StringBuilder();

  private PlanText(FusedPipeline plan) {
    this.plan = plan;
    this.components = plan.components();
    for (Barrier barrier : plan.barriers()) {
      barriers.computeIfAbsent(barrier.transform(), unused -> new ArrayList<>()).add(barrier);
    }
    for (Stage stage : plan.stages()) {
      if (stage instanceof SdkStage sdkStage) {
        for (TransformId id : sdkStage.transforms()) {
          stages.computeIfAbsent(id, unused -> new ArrayList<>()).add(stage.id());
        }
      }
    }
  }

  /** Describes every stage, its transforms, inputs and outputs, and the reason of each barrier. */
  public static String explain(FusedPipeline plan) {
    PlanText text = new PlanText(plan);
    text.line("%d stages, %d edges", plan.stages().size(), plan.edges().size());
    for (Stage stage : plan.stages()) {
      text.line("");
      if (stage instanceof SdkStage sdkStage) {
        text.sdkStage(sdkStage);
      } else if (stage instanceof GroupByKeyStage grouping) {
        text.grouping(grouping);
      } else if (stage instanceof SortByTimeStage sorting) {
        text.sorting(sorting);
      }
    }
    return text.text.toString();
  }

  @FormatMethod
  private void line(String format, Object... arguments) {
    text.append(format.formatted(arguments).stripTrailing()).append('\n');
  }

  private void sdkStage(SdkStage stage) {
    line("%s: %s", stage.id(), stage.name());
    line("  runs in %s", environment(stage.environmentId()));
    inputs(stage);
    for (SideInput side : stage.sideInputs()) {
      line(
          "  side input \"%s\" of %s: %s%s",
          side.sideInputId(),
          name(side.transform()),
          String.join(" + ", side.edges().stream().map(this::edge).toList()),
          side.keyCoderId() == null ? "" : ", by key");
    }
    if (stage.keyCoderId() != null) {
      line("  by key of coder %s", coder(stage.keyCoderId()));
    }
    for (UserState state : stage.userStates()) {
      line(
          "  state \"%s\" of %s: %s",
          state.stateId(), name(state.transform()), state.spec().getProtocol().getUrn());
    }
    for (TimerFamily timer : stage.timerFamilies()) {
      line(
          "  timer family \"%s\" of %s: %s%s",
          timer.familyId(),
          name(timer.transform()),
          timer.domain(),
          timer.onWindowExpiration() ? ", set when the window expires" : "");
    }
    traits(stage.traits());
    for (TransformId transform : stage.transforms()) {
      transform(transform);
      barrier(transform, stage.source());
      copies(transform, stage.id());
    }
    for (PCollectionId output : stage.outputs()) {
      output(output);
    }
  }

  private void traits(SdkStage.Traits traits) {
    List<String> words = new ArrayList<>();
    if (traits.splittable()) {
      words.add("splittable");
    }
    if (traits.finalization()) {
      words.add("asks for finalization");
    }
    if (traits.stableInput()) {
      words.add("needs stable input");
    }
    if (traits.timeSortedInput()) {
      words.add("needs input sorted by time");
    }
    if (!words.isEmpty()) {
      line("  %s", String.join(", ", words));
    }
  }

  private void grouping(GroupByKeyStage stage) {
    line("%s: %s", stage.id(), name(stage.transform()));
    line("  runs in the runner: groups by key and window");
    inputs(stage);
    line("  by key of coder %s", coder(stage.keyCoderId()));
    transform(stage.transform());
    barriers.getOrDefault(stage.transform(), List.of()).forEach(this::barrier);
    output(stage.output());
  }

  private void sorting(SortByTimeStage stage) {
    line("%s: %s", stage.id(), name(stage.transform()));
    line("  runs in the runner: sorts by time");
    inputs(stage);
    line("  by key of coder %s", coder(stage.keyCoderId()));
    transform(stage.transform());
    barriers.getOrDefault(stage.transform(), List.of()).forEach(this::barrier);
    output(stage.output());
  }

  private void inputs(Stage stage) {
    for (PCollectionId input : stage.inputs()) {
      line("  reads %s", edge(input));
    }
  }

  private void transform(TransformId id) {
    PTransform transform = components.getTransformsOrThrow(id.value());
    String urn = transform.getSpec().getUrn();
    line("    %s [%s]", transform.getUniqueName(), shortUrn(urn));
  }

  private void barrier(TransformId transform, PCollectionId source) {
    barriers.getOrDefault(transform, List.of()).stream()
        .filter(barrier -> barrier.pcollection().equals(source))
        .forEach(this::barrier);
  }

  private void barrier(Barrier barrier) {
    line("      not fused with its input: %s", barrier.reason());
  }

  /** A transform behind an unzipped flatten is in several stages. */
  private void copies(TransformId transform, String stage) {
    List<String> others = new ArrayList<>(stages.getOrDefault(transform, List.of()));
    others.remove(stage);
    if (!others.isEmpty()) {
      line("      a copy: also in %s", String.join(", ", others));
    }
  }

  private void output(PCollectionId id) {
    Edge edge = plan.edge(id);
    List<String> readers = new ArrayList<>(edge.consumers());
    edge.sideInputConsumers().forEach(stage -> readers.add(stage + " (side input)"));
    line("  writes %s for %s", id + " " + coder(edge.wireCoderId()), String.join(", ", readers));
  }

  private String edge(PCollectionId id) {
    Edge edge = plan.edge(id);
    if (edge.impulse()) {
      return id + " (impulse)";
    }
    for (TestStream testStream : plan.testStreams()) {
      if (testStream.outputs().containsValue(id)) {
        return "%s (TestStream \"%s\")".formatted(id, testStream.name());
      }
    }
    return edge.producers().isEmpty()
        ? id + " (empty)"
        : "%s from %s".formatted(id, String.join(", ", edge.producers()));
  }

  private String name(TransformId id) {
    return components.getTransformsOrThrow(id.value()).getUniqueName();
  }

  private String environment(String id) {
    Environment environment = components.getEnvironmentsOrThrow(id);
    return "%s (%s)".formatted(id, environment.getUrn());
  }

  /** A coder as a term: kv(length_prefix(custom),varint). */
  private String coder(String id) {
    var coder = components.getCodersOrThrow(id);
    List<String> parts = new ArrayList<>();
    for (String part : coder.getComponentCoderIdsList()) {
      parts.add(components.containsCoders(part) ? coder(part) : part);
    }
    String urn = shortUrn(coder.getSpec().getUrn());
    return parts.isEmpty() ? urn : urn + "(" + String.join(", ", parts) + ")";
  }

  private static String shortUrn(String urn) {
    return urn.replaceFirst("^beam:(transform|coder):", "").replaceFirst(":v\\d+$", "");
  }
}
