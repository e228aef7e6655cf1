package org.trestle.engine.core.schedule;

import java.time.Instant;
import org.trestle.engine.core.port.EventTime;

/** Writes what a job waits for, for people. */
final class JobDump {
  private JobDump() {}

  static String of(JobGraph graph, int running, long now) {
    StringBuilder text = new StringBuilder();
    text.append("running bundles: ").append(running).append(", processing time ").append(now);
    for (Pool pool : graph.pools().values()) {
      text.append("\npool ").append(pool.name()).append(": ");
      text.append(pool.busy()).append(" of ").append(pool.slots()).append(" slots in use");
    }
    int complete = 0;
    for (StageState stage : graph.stages()) {
      if (stage.isComplete()) {
        complete++;
      } else {
        append(text, stage);
      }
    }
    text.append("\ncomplete stages: ").append(complete);
    return text.toString();
  }

  private static void append(StringBuilder text, StageState stage) {
    StageSnapshot figures = stage.snapshot();
    text.append("\nstage ").append(figures.id());
    text.append(": input watermark ").append(time(figures.inputWatermark()));
    text.append(", output watermark ").append(time(figures.outputWatermark()));
    text.append(", open inputs ").append(stage.openInputs());
    text.append(", open side inputs ").append(stage.openSideInputs());
    text.append(", pending ").append(figures.pendingElements());
    text.append(" (").append(figures.pendingBytes()).append(" bytes)");
    text.append(", delayed blocks ").append(stage.delayedCount());
    text.append(", bundles to retry ").append(stage.retryCount());
    text.append(", in flight ").append(figures.inFlightElements());
    text.append(" in ").append(figures.inFlightBundles()).append(" bundles");
    text.append(", timers ").append(figures.timers());
    if (stage.nextEventTimer() != Long.MAX_VALUE) {
      text.append(" (next at ").append(time(stage.nextEventTimer())).append(')');
    }
    if (stage.wakeAt() != Long.MAX_VALUE) {
      text.append(", wakes at processing time ").append(stage.wakeAt());
    }
    text.append(", holds from ").append(time(stage.holds().output().min()));
    GatedBlocks gated = stage.gated();
    if (gated != null && gated.count() > 0) {
      text.append(", blocks that wait for side inputs ").append(gated.count());
      gated.reasons().forEach(reason -> text.append("\n  waits for ").append(reason));
    }
  }

  private static String time(long eventTime) {
    if (eventTime <= EventTime.MIN) {
      return "-inf";
    }
    return eventTime >= EventTime.MAX ? "+inf" : Instant.ofEpochMilli(eventTime).toString();
  }
}
