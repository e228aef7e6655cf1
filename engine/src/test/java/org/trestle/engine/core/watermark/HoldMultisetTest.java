package org.trestle.engine.core.watermark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.EventTime;

final class HoldMultisetTest {
  private final HoldMultiset holds = new HoldMultiset();

  @Test
  void holdsNothingWhenEmpty() {
    assertThat(holds.min()).isEqualTo(EventTime.MAX);
    assertThat(holds.isEmpty()).isTrue();
  }

  @Test
  void holdsAsOftenAsAdded() {
    holds.add(5);
    holds.add(5);
    holds.add(7);
    holds.remove(5);
    assertThat(holds.min()).isEqualTo(5);
    holds.remove(5);
    assertThat(holds.min()).isEqualTo(7);
    assertThat(holds.size()).isEqualTo(1);
  }

  @Test
  void movesOneHold() {
    holds.add(5);
    holds.move(5, 9);
    assertThat(holds.min()).isEqualTo(9);
    holds.move(9, 9);
    assertThat(holds.size()).isEqualTo(1);
  }

  @Test
  void refusesToTakeAwayWhatIsNotThere() {
    holds.add(5);
    holds.remove(5);
    assertThatThrownBy(() -> holds.remove(5)).isInstanceOf(IllegalStateException.class);
  }

  @Property
  void agreesWithAList(@ForAll List<@IntRange(min = -20, max = 20) Integer> changes) {
    HoldMultiset tested = new HoldMultiset();
    List<Long> list = new ArrayList<>();
    for (int change : changes) {
      long time = Math.abs(change);
      if (change < 0 && list.remove(time)) {
        tested.remove(time);
      } else {
        list.add(time);
        tested.add(time);
      }
      assertThat(tested.size()).isEqualTo(list.size());
      long min = list.isEmpty() ? EventTime.MAX : Collections.min(list);
      assertThat(tested.min()).isEqualTo(min);
    }
  }
}
