package org.trestle.engine.execute;

import java.util.Arrays;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.port.SideInputGate;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.state.WindowedSideInput;
import org.trestle.engine.windowing.FiringGuarantee;
import org.trestle.engine.windowing.WindowMapping;

/**
 * Opens for elements when each side input is ready for the windows that theirs are mapped to: a
 * pane has come, or the watermark says that none would come any more if there were elements.
 *
 * <p>Owned by the thread of the job's core.
 */
final class SideInputReadiness implements SideInputGate {

  /**
   * A side input of the stage.
   *
   * @param name for people
   * @param reader the stage's number as a reader of the contents
   * @param panes whether what comes are panes; else windows fill up till the watermark passes
   * @param edges which edges it is made of, as indexes into the stage's side inputs
   */
  record Side(
      String name,
      WindowedSideInput contents,
      int reader,
      WindowMapping mapping,
      Trigger trigger,
      boolean panes,
      List<Integer> edges) {
    Side {
      edges = List.copyOf(edges);
    }
  }

  private final List<Side> sides;
  private final long[] watermarks;
  private final long lateness;

  /**
   * A gate that is closed.
   *
   * @param edges how many edges the stage's side inputs have
   * @param lateness how far behind the watermark elements may be that still want to read, in
   *     milliseconds
   */
  SideInputReadiness(List<Side> sides, int edges, long lateness) {
    this.sides = List.copyOf(sides);
    this.watermarks = new long[edges];
    Arrays.fill(watermarks, EventTime.MIN);
    this.lateness = Math.min(Math.max(lateness, 0), EventTime.MAX - EventTime.MIN);
  }

  @Override
  public boolean isReady(ElementBlock block) {
    List<ByteKey> windows = ((EncodedBlock) block).windows();
    for (Side side : sides) {
      long watermark = watermark(side);
      for (ByteKey window : windows) {
        if (!isReady(side, side.mapping.sideWindow(window), watermark)) {
          return false;
        }
      }
    }
    for (Side side : sides) {
      for (ByteKey window : windows) {
        ByteKey sideWindow = side.mapping.sideWindow(window);
        if (sideWindow != null) {
          side.contents.readable(sideWindow);
        }
      }
    }
    return true;
  }

  private static boolean isReady(Side side, @Nullable ByteKey window, long watermark) {
    if (window == null) {
      return false;
    }
    return watermark == EventTime.MAX
        || watermark > FiringGuarantee.of(side.trigger, side.contents.end(window))
        || (side.panes && side.contents.holds(window))
        || side.contents.isPast(window);
  }

  private long watermark(Side side) {
    long earliest = EventTime.MAX;
    for (int edge : side.edges) {
      earliest = Math.min(earliest, watermarks[edge]);
    }
    return earliest;
  }

  @Override
  public void sideInputAdvanced(int sideInput, long watermark) {
    watermarks[sideInput] = watermark;
  }

  @Override
  public void stageAdvanced(long watermark) {
    long needed = watermark == EventTime.MAX ? watermark : watermark - lateness;
    for (Side side : sides) {
      side.contents.advanced(side.reader, needed);
      side.mapping.passed(needed);
    }
  }

  @Override
  public boolean isAsking() {
    for (Side side : sides) {
      if (side.mapping.isAsking()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public String describe(ElementBlock block) {
    for (Side side : sides) {
      long watermark = watermark(side);
      for (ByteKey window : ((EncodedBlock) block).windows()) {
        ByteKey sideWindow = side.mapping.sideWindow(window);
        if (sideWindow == null) {
          return side.name + ", the SDK is asked which window is read from window " + window;
        }
        if (!isReady(side, sideWindow, watermark)) {
          return "%s, window %s that ends at %d, its watermark is %d"
              .formatted(side.name, sideWindow, side.contents.end(sideWindow), watermark);
        }
      }
    }
    return "nothing";
  }
}
