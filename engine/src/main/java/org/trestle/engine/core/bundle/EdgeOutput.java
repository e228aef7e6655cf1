package org.trestle.engine.core.bundle;

import java.util.List;
import org.trestle.engine.core.port.ElementBlock;

/**
 * What a bundle wrote to an edge.
 *
 * @param blocks all elements, for consumers without keys; empty if the edge has none
 * @param keyed all elements again by key group, for keyed consumers; empty if the edge has none
 */
public record EdgeOutput(EdgeId edge, List<ElementBlock> blocks, List<KeyGroupBlock> keyed) {

  public EdgeOutput {
    blocks = List.copyOf(blocks);
    keyed = List.copyOf(keyed);
  }

  /** Elements whose keys all belong to one key group. */
  public record KeyGroupBlock(int keyGroup, ElementBlock block) {}
}
