package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.WireFormatException;

/**
 * The input of a running bundle as the harness counts it: element by element, where what is left of
 * an element that was split counts as that element. For one thread.
 */
final class SplitInput {
  /** Blocks that the harness knows as so many elements; only whole blocks can be cut. */
  private record Part(List<ElementBlock> blocks, long elements, boolean whole) {}

  /**
   * What a split does to the input.
   *
   * @param kept whole elements that the bundle keeps
   * @param givenBack whole elements that it does not
   * @param replaced the element that the harness has split, which its parts stand for
   */
  record Cut(List<ElementBlock> kept, List<ElementBlock> givenBack, List<ElementBlock> replaced) {}

  private List<Part> parts = new ArrayList<>();

  SplitInput(List<ElementBlock> blocks) {
    for (ElementBlock block : blocks) {
      parts.add(new Part(List.of(block), block.count(), true));
    }
  }

  /** How many elements the harness thinks it has. */
  long elements() {
    long count = 0;
    for (Part part : parts) {
      count += part.elements;
    }
    return count;
  }

  /**
   * Whether a split behind the last element gives nothing back. A harness that is done with all
   * elements may count on: Go's answers that it has split after the one that it waits for.
   */
  boolean keepsAll(long lastPrimary, long firstResidual) {
    return firstResidual == lastPrimary + 1 && firstResidual >= elements();
  }

  /**
   * Cuts the input.
   *
   * @param lastPrimary index of the last whole element that is kept; -1 for none
   * @param firstResidual index of the first whole element that is given back
   * @param rest what is kept of the element between the two, if there is one
   * @throws WireFormatException if there are no such elements
   */
  Cut cut(long lastPrimary, long firstResidual, List<ElementBlock> rest) {
    long count = elements();
    boolean inside = firstResidual == lastPrimary + 2;
    boolean adjacent = firstResidual == lastPrimary + 1;
    if (lastPrimary < -1 || firstResidual > count || !(inside || adjacent)) {
      throw new WireFormatException(
          "the harness split a bundle of %d elements after %d and before %d"
              .formatted(count, lastPrimary, firstResidual));
    }
    List<Part> kept = parts(0, lastPrimary + 1);
    Cut cut =
        new Cut(
            blocks(kept),
            blocks(parts(firstResidual, count)),
            blocks(parts(lastPrimary + 1, firstResidual)));
    if (inside) {
      kept.add(new Part(rest, 1, false));
    }
    parts = kept;
    return cut;
  }

  private List<Part> parts(long from, long to) {
    List<Part> found = new ArrayList<>();
    long start = 0;
    for (Part part : parts) {
      long first = Math.max(from - start, 0);
      long limit = Math.min(to - start, part.elements);
      if (first < limit) {
        found.add(part.whole ? slice(part.blocks.get(0), first, limit) : part);
      }
      start += part.elements;
    }
    return found;
  }

  private static Part slice(ElementBlock block, long from, long to) {
    return new Part(List.of(block.slice((int) from, (int) to)), to - from, true);
  }

  private static List<ElementBlock> blocks(List<Part> parts) {
    List<ElementBlock> blocks = new ArrayList<>();
    for (Part part : parts) {
      blocks.addAll(part.blocks);
    }
    return blocks;
  }
}
