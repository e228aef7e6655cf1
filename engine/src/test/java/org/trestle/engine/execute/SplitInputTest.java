package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.execute.SplitInput.Cut;
import org.trestle.fn.wire.WireFormatException;

final class SplitInputTest {
  private final SplitInput input =
      new SplitInput(List.of(TestBlock.at(0, 0, 1, 2), TestBlock.at(0, 3, 4)));

  @Test
  void cutsBetweenElements() {
    Cut cut = input.cut(1, 2, List.of());
    assertThat(TestBlock.values(cut.kept())).containsExactly(0L, 1L);
    assertThat(TestBlock.values(cut.givenBack())).containsExactly(2L, 3L, 4L);
    assertThat(cut.replaced()).isEmpty();
    assertThat(input.elements()).isEqualTo(2);
  }

  @Test
  void cutsInsideAnElement() {
    Cut cut = input.cut(2, 4, List.of(TestBlock.at(0, 30)));
    assertThat(TestBlock.values(cut.kept())).containsExactly(0L, 1L, 2L);
    assertThat(TestBlock.values(cut.replaced())).containsExactly(3L);
    assertThat(TestBlock.values(cut.givenBack())).containsExactly(4L);
    assertThat(input.elements()).isEqualTo(4);
  }

  @Test
  void cutsWhatWasCutBefore() {
    input.cut(2, 4, List.of(TestBlock.at(0, 30)));
    Cut again = input.cut(2, 4, List.of(TestBlock.at(0, 31)));
    assertThat(TestBlock.values(again.kept())).containsExactly(0L, 1L, 2L);
    assertThat(TestBlock.values(again.replaced())).containsExactly(30L);
    assertThat(again.givenBack()).isEmpty();
    Cut third = input.cut(0, 1, List.of());
    assertThat(TestBlock.values(third.kept())).containsExactly(0L);
    assertThat(TestBlock.values(third.givenBack())).containsExactly(1L, 2L, 31L);
  }

  @Test
  void whatWasSplitCountsAsOneElementHoweverManyPartsItHas() {
    input.cut(-1, 1, List.of(TestBlock.at(0, 10, 11), TestBlock.at(0, 12)));
    assertThat(input.elements()).isEqualTo(1);
    Cut cut = input.cut(-1, 0, List.of());
    assertThat(TestBlock.values(cut.givenBack())).containsExactly(10L, 11L, 12L);
  }

  @Test
  void givesNothingBackBehindTheLastElement() {
    assertThat(input.keepsAll(4, 5)).isTrue();
    assertThat(input.keepsAll(5, 6)).isTrue();
    assertThat(input.keepsAll(3, 4)).isFalse();
    assertThat(input.keepsAll(4, 6)).isFalse();
  }

  @Test
  void refusesElementsThatAreNotThere() {
    assertThatThrownBy(() -> input.cut(1, 7, List.of())).isInstanceOf(WireFormatException.class);
    assertThatThrownBy(() -> input.cut(4, 6, List.of())).isInstanceOf(WireFormatException.class);
    assertThatThrownBy(() -> input.cut(-2, 0, List.of())).isInstanceOf(WireFormatException.class);
    assertThatThrownBy(() -> input.cut(1, 4, List.of())).isInstanceOf(WireFormatException.class);
  }
}
