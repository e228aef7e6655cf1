package org.trestle.fn.environment;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StartQueueTest {
  private final List<CompletableFuture<String>> begun = new ArrayList<>();

  private CompletableFuture<String> start() {
    CompletableFuture<String> start = new CompletableFuture<>();
    begun.add(start);
    return start;
  }

  @Test
  void onlySoManyAreUnderWayAtOnce() {
    StartQueue queue = new StartQueue(2, Duration.ofHours(1));
    List<CompletableFuture<String>> results = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      results.add(queue.begin(this::start));
    }
    assertThat(begun).hasSize(2);

    begun.get(1).complete("second");
    assertThat(begun).hasSize(3);
    begun.get(0).completeExceptionally(new IllegalStateException("no"));
    assertThat(begun).hasSize(4);
    begun.get(3).complete("fourth");

    assertThat(results.get(0)).isCompletedExceptionally();
    assertThat(results.get(1)).isCompletedWithValue("second");
    assertThat(results.get(2)).isNotDone();
    assertThat(results.get(3)).isCompletedWithValue("fourth");
  }

  @Test
  void startThatThrowsIsAFailureAndMakesRoom() {
    StartQueue queue = new StartQueue(1, Duration.ofHours(1));
    CompletableFuture<String> result =
        queue.begin(
            () -> {
              throw new IllegalStateException("no");
            });
    assertThat(result).isCompletedExceptionally();
    assertThat(queue.begin(this::start)).isNotDone();
    assertThat(begun).hasSize(1);
  }

  @Test
  void startsThatEndAtOnceDoNotPileUp() {
    StartQueue queue = new StartQueue(1, Duration.ofHours(1));
    CompletableFuture<String> first = queue.begin(this::start);
    List<CompletableFuture<String>> others = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      others.add(queue.begin(() -> CompletableFuture.completedFuture("done")));
    }
    begun.get(0).complete("done");
    assertThat(first).isCompletedWithValue("done");
    assertThat(others).allMatch(CompletableFuture::isDone);
  }

  @Test
  void longStartDoesNotKeepOthersWaiting() throws Exception {
    StartQueue queue = new StartQueue(1, Duration.ofMillis(10));
    CompletableFuture<String> slow = queue.begin(this::start);
    CompletableFuture<String> next = queue.begin(() -> CompletableFuture.completedFuture("next"));
    assertThat(next.get(30, TimeUnit.SECONDS)).isEqualTo("next");
    assertThat(slow).isNotDone();
    begun.get(0).complete("slow");
    assertThat(slow).isCompletedWithValue("slow");
  }
}
