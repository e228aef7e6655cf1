package org.trestle.engine.execute;

import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;

/** An edge as a stage writes it. */
record StageOutput(EdgeTarget target, BlockStore blocks) {

  EdgeId edge() {
    return target.edge();
  }

  EdgeWriter newWriter() {
    return new EdgeWriter(target, blocks);
  }
}
