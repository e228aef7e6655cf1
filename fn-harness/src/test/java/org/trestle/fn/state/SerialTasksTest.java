package org.trestle.fn.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SerialTasksTest {
  private final ArrayDeque<Runnable> handedOver = new ArrayDeque<>();
  private final SerialTasks tasks = new SerialTasks(handedOver::add);
  private final List<String> ran = new ArrayList<>();

  @Test
  void handsATaskOverToTheExecutor() {
    tasks.add(() -> ran.add("task"), false);

    assertThat(ran).isEmpty();
    runAllHandedOver();
    assertThat(ran).containsExactly("task");
  }

  @Test
  void runsATaskAtOnceWhereItIsAdded() {
    tasks.add(() -> ran.add("first"), true);
    tasks.add(() -> ran.add("second"), true);

    assertThat(ran).containsExactly("first", "second");
    assertThat(handedOver).isEmpty();
  }

  @Test
  void aTaskDoesNotOvertakeOneThatWaits() {
    tasks.add(() -> ran.add("waiting"), false);
    tasks.add(() -> ran.add("at once"), true);

    assertThat(ran).isEmpty();
    runAllHandedOver();
    assertThat(ran).containsExactly("waiting", "at once");
  }

  @Test
  void tasksAddedByOneThatRunsAtOnceFollowOnTheExecutor() {
    tasks.add(
        () -> {
          tasks.add(() -> ran.add("inner"), true);
          ran.add("outer");
        },
        true);

    assertThat(ran).containsExactly("outer");
    runAllHandedOver();
    assertThat(ran).containsExactly("outer", "inner");
  }

  private void runAllHandedOver() {
    for (Runnable next = handedOver.poll(); next != null; next = handedOver.poll()) {
      next.run();
    }
  }
}
