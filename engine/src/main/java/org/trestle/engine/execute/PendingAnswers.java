package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Answers that the end of a job waits for, well or not. Owned by the job's loop. */
final class PendingAnswers {
  private final JobLoop loop;
  private final List<CompletableFuture<?>> answers = new ArrayList<>();

  PendingAnswers(JobLoop loop) {
    this.loop = loop;
  }

  void add(CompletableFuture<?> answer) {
    if (!answer.isDone()) {
      answers.removeIf(CompletableFuture::isDone);
      answers.add(answer);
    }
  }

  /** Waits for none of them any more. */
  void clear() {
    answers.clear();
  }

  /** Runs a task on the loop when all have come, or when the deadline has passed. */
  void whenAll(long deadlineMillis, Runnable task) {
    var unused =
        CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
            .orTimeout(deadlineMillis, TimeUnit.MILLISECONDS)
            .whenComplete((ok, failure) -> loop.execute(task));
  }
}
