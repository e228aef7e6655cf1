package org.trestle.engine.execute;

import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.StageId;

/** Passes on that gates have got answers they asked for. Safe for use by several threads. */
final class GateEvents {
  private volatile @Nullable BiConsumer<StageId, @Nullable Throwable> listener;

  /** Sets who is told, before any gate asks. */
  void listener(BiConsumer<StageId, @Nullable Throwable> told) {
    listener = told;
  }

  /** A stage's gate got an answer, or a failure instead. */
  void moved(StageId stage, @Nullable Throwable failure) {
    BiConsumer<StageId, @Nullable Throwable> told = listener;
    if (told != null) {
      told.accept(stage, failure);
    }
  }
}
