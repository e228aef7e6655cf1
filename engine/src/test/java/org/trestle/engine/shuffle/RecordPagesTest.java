package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RecordPagesTest {
  private static final int MANY = 20_000;

  private final MemoryBudget budget = new MemoryBudget(1 << 20);
  private final RecordPages pages = new RecordPages(budget, TestingElements.files());
  private final Random random = new Random(1);

  /** Where each record is. */
  private final long[] locators = new long[MANY];

  private static byte[] content(int number) {
    return ("record " + number + "-".repeat(number % 90)).getBytes(StandardCharsets.UTF_8);
  }

  private void add(int number) {
    byte[] bytes = content(number);
    locators[number] = pages.add(bytes, 0, bytes.length);
  }

  private void assertHoldsAll() {
    for (int i = 0; i < MANY; i++) {
      assertThat(pages.read(locators[i])).isEqualTo(content(i));
    }
  }

  @Test
  void givesBackWhatWasAdded() {
    for (int i = 0; i < MANY; i++) {
      add(i);
    }
    byte[] longest = new byte[RecordPages.MAX_RECORD_BYTES];
    random.nextBytes(longest);
    long locator = pages.add(longest, 0, longest.length);
    assertThat(pages.read(locator)).isEqualTo(longest);
    assertThat(pages.read(pages.add(longest, 0, 0))).isEmpty();
    assertHoldsAll();
    pages.close();
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void refusesARecordThatIsTooLong() {
    byte[] bytes = new byte[RecordPages.MAX_RECORD_BYTES + 1];
    assertThatThrownBy(() -> pages.add(bytes, 0, bytes.length))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void pagesWhoseRecordsAreGoneAreUsedAgain() {
    for (int i = 0; i < MANY; i++) {
      add(i);
    }
    long once = pages.fileBytes();
    for (int round = 0; round < 10; round++) {
      for (int i = 0; i < MANY; i++) {
        pages.free(locators[i]);
        add(i);
      }
    }
    assertHoldsAll();
    assertThat(pages.fileBytes()).isLessThan(2 * once);
  }

  @Test
  void sparsePagesAreEmptied() {
    for (int i = 0; i < MANY; i++) {
      add(i);
    }
    long once = pages.fileBytes();
    // One record in ten stays for ever, and would keep its page.
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < MANY; i++) {
        if (i % 10 != 0) {
          pages.free(locators[i]);
          add(i);
          pages.takeSparse(this::move);
        }
      }
    }
    assertHoldsAll();
    assertThat(pages.fileBytes()).isLessThan(3 * once);
  }

  private void move(long locator, byte[] page, int from, int to) {
    String text = new String(page, from, to - from, StandardCharsets.UTF_8);
    int number = Integer.parseInt(text.split("[ -]+")[1]);
    if (locators[number] == locator) {
      locators[number] = pages.add(page, from, to);
      pages.free(locator);
    }
  }
}
