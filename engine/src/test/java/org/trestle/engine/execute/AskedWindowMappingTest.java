package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.TestingElements;

class AskedWindowMappingTest {
  private static final ByteKey ONE = TestingElements.interval(0, 10);
  private static final ByteKey TWO = TestingElements.interval(10, 20);
  private static final ByteKey BOTH = TestingElements.interval(0, 20);

  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final List<List<ByteKey>> questions = new ArrayList<>();
  private final List<@Nullable Throwable> answered = new ArrayList<>();
  private boolean failing;

  private final AskedWindowMapping mapping =
      new AskedWindowMapping(
          TestingElements.INTERVALS,
          question -> {
            questions.add(question);
            if (failing) {
              throw new IllegalStateException("no");
            }
            return List.of(BOTH);
          },
          tasks::add,
          answered::add);

  @Test
  void asksOnceAndRemembersTheAnswer() {
    assertThat(mapping.sideWindow(ONE)).isNull();
    assertThat(mapping.sideWindow(ONE)).isNull();
    assertThat(mapping.isAsking()).isTrue();
    assertThat(tasks).hasSize(1);
    tasks.remove().run();
    assertThat(mapping.isAsking()).isFalse();
    assertThat(answered).hasSize(1).containsOnlyNulls();
    assertThat(mapping.sideWindow(ONE)).isEqualTo(BOTH);
    assertThat(questions).containsExactly(List.of(ONE));
  }

  @Test
  void forgetsWindowsThatHavePassed() {
    assertThat(mapping.sideWindow(ONE)).isNull();
    assertThat(mapping.sideWindow(TWO)).isNull();
    tasks.forEach(Runnable::run);
    tasks.clear();
    mapping.passed(10);
    assertThat(mapping.sideWindow(TWO)).isEqualTo(BOTH);
    assertThat(mapping.sideWindow(ONE)).as("asked again").isNull();
    assertThat(tasks).hasSize(1);
  }

  @Test
  void tellsOfFailures() {
    failing = true;
    assertThat(mapping.sideWindow(ONE)).isNull();
    tasks.remove().run();
    assertThat(answered).hasSize(1).first().isInstanceOf(IllegalStateException.class);
    assertThat(mapping.isAsking()).isTrue();
  }
}
