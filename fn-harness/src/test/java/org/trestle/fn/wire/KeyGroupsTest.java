package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.function.IntFunction;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class KeyGroupsTest {

  @Property
  void staysWithinTheGroups(@ForAll byte[] key, @ForAll @IntRange(min = 1) int groups) {
    assertThat(KeyGroups.of(key, 0, key.length, groups)).isBetween(0, groups - 1);
  }

  @Property
  void dependsOnTheRangeAlone(@ForAll byte[] key, @ForAll byte[] around) {
    byte[] bytes = new ByteSink().put(around).put(key).put(around).toByteArray();
    int from = around.length;

    assertThat(KeyGroups.hash(bytes, from, from + key.length))
        .isEqualTo(KeyGroups.hash(key, 0, key.length));
  }

  @Test
  void neverChanges() {
    assertThat(hash("")).isZero();
    assertThat(hash("key")).isEqualTo(8115717060778435406L);
    assertThat(hash("a key of more than eight bytes")).isEqualTo(5548634347991124192L);
  }

  private static long hash(String key) {
    byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
    return KeyGroups.hash(bytes, 0, bytes.length);
  }

  @Test
  void spreadsKeysThatAreAlike() {
    assertSpread(i -> new ByteSink().putVarInt(i).toByteArray());
    assertSpread(i -> new ByteSink().putLong(i).toByteArray());
    assertSpread(i -> new ByteSink().putLong((long) i << 32).toByteArray());
    assertSpread(i -> new ByteSink().putLong(7).putInt(i << 8).toByteArray());
    assertSpread(i -> new ByteSink().putInt(i).putLong(0).putLong(0).toByteArray());
    assertSpread(i -> ("user-" + i).getBytes(StandardCharsets.UTF_8));
    assertSpread(i -> new byte[i]);
  }

  /** Chi-squared over the groups; for 255 degrees of freedom, 400 is far out for a fair hash. */
  private static void assertSpread(IntFunction<byte[]> keys) {
    int groups = 256;
    int count = 20_000;
    int[] sizes = new int[groups];
    for (int i = 0; i < count; i++) {
      byte[] key = keys.apply(i);
      sizes[KeyGroups.of(key, 0, key.length, groups)]++;
    }
    double expected = (double) count / groups;
    double chiSquared = 0;
    for (int size : sizes) {
      chiSquared += (size - expected) * (size - expected) / expected;
    }
    assertThat(chiSquared).isLessThan(400);
  }

  @Test
  void refusesToHaveNoGroups() {
    assertThatThrownBy(() -> KeyGroups.of(new byte[1], 0, 1, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
