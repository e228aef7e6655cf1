package org.trestle.engine.execute;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;

/** Writes its input again as it is, to an edge that sees no keys in it: in one key group. */
final class KeylessStage implements RunnerStage {
  private final StageOutput output;

  KeylessStage(StageOutput output) {
    this.output = output;
  }

  @Override
  public Output run(BundleWork work, BooleanSupplier givenUp) {
    EdgeWriter writer = output.newWriter();
    try {
      for (ElementBlock block : work.elements()) {
        if (givenUp.getAsBoolean()) {
          throw new CancellationException("the job gave the bundle up");
        }
        writer.append(((EncodedBlock) block).data());
      }
      BundleResult result =
          new BundleResult(work.id(), List.of(writer.finish()), List.of(), List.of());
      return new Output(result, List.of());
    } catch (RuntimeException failure) {
      writer.discard();
      throw failure;
    }
  }

  @Override
  public void close() {}
}
