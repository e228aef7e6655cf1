package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.Arrays;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.port.SideInputGate;

/** Opens for a window when the side inputs' watermarks have passed its end. */
final class SimGate implements SideInputGate {
  private final long[] sideInputs;
  private long stage = EventTime.MIN;

  SimGate(int count) {
    sideInputs = new long[count];
    Arrays.fill(sideInputs, EventTime.MIN);
  }

  @Override
  public boolean isReady(ElementBlock block) {
    long end = UserCode.windowEnd(block.minTimestamp());
    for (long watermark : sideInputs) {
      if (watermark < end) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void sideInputAdvanced(int sideInput, long watermark) {
    check(watermark >= sideInputs[sideInput], "a side input goes back to %s", watermark);
    sideInputs[sideInput] = watermark;
  }

  @Override
  public void stageAdvanced(long watermark) {
    check(watermark >= stage, "a stage with side inputs goes back to %s", watermark);
    stage = watermark;
  }

  @Override
  public String describe(ElementBlock block) {
    return "the window that ends at " + UserCode.windowEnd(block.minTimestamp());
  }

  /** Checks a bundle against the true watermark of a side input. */
  void checkStarted(BundleWork work, long sideWatermark) {
    for (Element element : SimBlock.elements(work.elements())) {
      long end = UserCode.windowEnd(element.timestamp());
      check(sideWatermark >= end, "%s starts before its side input is ready", element);
      check(element.timestamp() >= stage, "%s starts when %s has passed", element, stage);
    }
  }
}
