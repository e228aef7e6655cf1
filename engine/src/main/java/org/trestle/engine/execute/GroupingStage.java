package org.trestle.engine.execute;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
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
final class GroupingStage implements RunnerStage {
  private final GroupTable table;
  private final StageOutput output;

  GroupingStage(GroupTable table, StageOutput output) {
    this.table = table;
    this.output = output;
  }

  @Override
  public Output run(BundleWork work, BooleanSupplier givenUp) {
    for (ElementBlock block : work.elements()) {
      check(givenUp);
      table.add(((EncodedBlock) block).keyGroup(), block);
    }
    if (!work.closing()) {
      return new Output(new BundleResult(work.id(), List.of(), List.of(), List.of()), List.of());
    }
    EdgeWriter writer = output.newWriter();
    try {
      writer.expect(table.bytes(work.keyGroups()));
      for (int keyGroup : work.keyGroups()) {
        check(givenUp);
        table.drain(keyGroup, writer);
      }
      BundleResult result =
          new BundleResult(work.id(), List.of(writer.finish()), List.of(), List.of());
      return new Output(result, List.of());
    } catch (RuntimeException failure) {
      writer.discard();
      throw failure;
    }
  }

  private static void check(BooleanSupplier givenUp) {
    if (givenUp.getAsBoolean()) {
      throw new CancellationException("the job gave the bundle up");
    }
  }

  @Override
  public void close() {
    table.close();
  }
}
