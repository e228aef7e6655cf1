package org.trestle.benchmark;

import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.values.KV;
import org.jspecify.annotations.Nullable;

/** Adds up in state, and gives the sum out when a timer fires at the end of the window. */
final class SumPerKey extends DoFn<KV<String, Long>, Long> {
  @StateId("total")
  private final StateSpec<ValueState<Long>> totalSpec = StateSpecs.value(VarLongCoder.of());

  @TimerId("end")
  private final TimerSpec endSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

  /** Adds an element. */
  @ProcessElement
  public void process(
      @Element KV<String, Long> element,
      BoundedWindow window,
      @StateId("total") ValueState<Long> total,
      @TimerId("end") Timer end) {
    total.write(read(total) + element.getValue());
    end.set(window.maxTimestamp());
  }

  /** Emits the sum. */
  @OnTimer("end")
  public void end(@StateId("total") ValueState<Long> total, OutputReceiver<Long> output) {
    output.output(read(total));
  }

  private static long read(ValueState<Long> total) {
    @Nullable Long value = total.read();
    return value == null ? 0 : value;
  }
}
