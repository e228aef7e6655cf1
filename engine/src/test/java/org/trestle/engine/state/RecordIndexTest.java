package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.trestle.engine.shuffle.RecordPages;

class RecordIndexTest {
  /** Hashes of few different low bits, so that places are wanted by several. */
  private static long hash(long step) {
    return (step % 97) << 20 | step % 5;
  }

  @Property
  void holdsWhatAMapHolds(
      @ForAll @Size(max = 400) List<@LongRange(min = 0, max = 99_999) Long> steps) {
    RecordIndex index = new RecordIndex();
    Map<Long, Long> model = new HashMap<>();
    for (long step : steps) {
      if (step % 3 == 0) {
        index.remove(hash(step));
        model.remove(hash(step));
      } else {
        index.put(hash(step), step);
        model.put(hash(step), step);
      }
      assertThat(index.size()).isEqualTo(model.size());
    }
    for (long step = 0; step < 97 * 5; step++) {
      long expected = model.getOrDefault(hash(step), RecordPages.NOWHERE);
      assertThat(index.get(hash(step))).isEqualTo(expected);
    }
    Set<Long> all = new HashSet<>();
    index.forEach(all::add);
    assertThat(all).isEqualTo(new HashSet<>(model.values()));
  }
}
