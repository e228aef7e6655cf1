package org.trestle.engine.execute;

import java.util.List;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.GroupTable;

/**
 * A GroupByKey of bounded input: bundles with elements add to the table, closing bundles give the
 * groups out.
 *
 * <p>Runs on the runner's threads; the core leases each key group to one bundle at a time.
 */
final class GroupingStage {
  private final GroupTable table;
  private final StageOutput output;

  GroupingStage(GroupTable table, StageOutput output) {
    this.table = table;
    this.output = output;
  }

  BundleResult run(BundleWork work) {
    for (ElementBlock block : work.elements()) {
      table.add(((EncodedBlock) block).keyGroup(), block);
    }
    if (!work.closing()) {
      return new BundleResult(work.id(), List.of(), List.of(), List.of());
    }
    EdgeWriter writer = output.newWriter();
    try {
      for (int keyGroup : work.keyGroups()) {
        table.drain(keyGroup, writer);
      }
      return new BundleResult(work.id(), List.of(writer.finish()), List.of(), List.of());
    } catch (RuntimeException failure) {
      writer.discard();
      throw failure;
    }
  }

  void close() {
    table.close();
  }
}
