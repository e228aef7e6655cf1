package org.trestle.engine.execute;

import java.util.List;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.GroupTable;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * A GroupByKey of bounded input: bundles with elements add to the table, closing bundles give the
 * groups out.
 *
 * <p>Runs on the runner's threads; the core leases each key group to one bundle at a time.
 */
final class GroupingStage {
  private final EdgeFormat input;
  private final int keyGroups;
  private final GroupTable table;
  private final StageOutput output;

  GroupingStage(EdgeFormat input, int keyGroups, GroupTable table, StageOutput output) {
    this.input = input;
    this.keyGroups = keyGroups;
    this.table = table;
    this.output = output;
  }

  BundleResult run(BundleWork work) {
    for (ElementBlock block : work.elements()) {
      table.add(keyGroup(block), block);
    }
    if (!work.closing()) {
      return new BundleResult(work.id(), List.of(), List.of(), List.of());
    }
    EdgeWriter writer = output.newWriter();
    for (int keyGroup : work.keyGroups()) {
      table.drain(keyGroup, writer);
    }
    return new BundleResult(work.id(), List.of(writer.finish()), List.of(), List.of());
  }

  /** The key group of the block's elements: that of the first one's key. */
  private int keyGroup(ElementBlock block) {
    byte[] first = ((EncodedBlock) block).slice(0, 1).data().toByteArray();
    WindowedValueCursor cursor = input.cursor().reset(first);
    if (!cursor.next()) {
      throw new IllegalStateException("an empty block of " + block.count() + " elements");
    }
    return KeyGroups.of(first, cursor.keyStart(), cursor.keyEnd(), keyGroups);
  }

  void close() {
    table.close();
  }
}
