package org.trestle.benchmark;

import java.util.Map;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.values.PCollectionView;

/** Reads the entry of each element from a map side input. */
final class LookUp extends DoFn<Integer, Long> {
  private final PCollectionView<Map<Integer, Long>> table;

  LookUp(PCollectionView<Map<Integer, Long>> table) {
    this.table = table;
  }

  /** Emits the entry. */
  @ProcessElement
  public void process(ProcessContext context) {
    Long entry = context.sideInput(table).get(context.element());
    if (entry == null) {
      throw new IllegalStateException("wrong answer: no entry " + context.element());
    }
    context.output(entry);
  }
}
