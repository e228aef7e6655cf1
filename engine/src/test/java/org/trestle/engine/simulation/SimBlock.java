package org.trestle.engine.simulation;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.port.ElementBlock;

/** A block of simulated elements. */
record SimBlock(List<Element> elements) implements ElementBlock {
  SimBlock {
    elements = List.copyOf(elements);
    if (elements.isEmpty()) {
      throw new IllegalArgumentException("a block has at least one element");
    }
  }

  @Override
  public int count() {
    return elements.size();
  }

  @Override
  public long bytes() {
    return 10L * elements.size();
  }

  @Override
  public long minTimestamp() {
    long min = Long.MAX_VALUE;
    for (Element element : elements) {
      min = Math.min(min, element.timestamp());
    }
    return min;
  }

  @Override
  public SimBlock slice(int from, int to) {
    return new SimBlock(elements.subList(from, to));
  }

  static List<Element> elements(List<ElementBlock> blocks) {
    List<Element> all = new ArrayList<>();
    for (ElementBlock block : blocks) {
      all.addAll(((SimBlock) block).elements());
    }
    return all;
  }
}
