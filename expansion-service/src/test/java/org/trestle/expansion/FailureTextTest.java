package org.trestle.expansion;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class FailureTextTest {
  @Test
  void joinsTheMessagesOfAllCauses() {
    Throwable failure =
        new RuntimeException(
            "the transform cannot be built",
            new IllegalArgumentException("field 'x' is wrong", new IOException("end of file")));
    assertThat(summary(failure))
        .isEqualTo(
            "the transform cannot be built; because: field 'x' is wrong; because:"
                + " java.io.IOException: end of file");
  }

  @Test
  void leavesOutWhatAWrapperRepeats() {
    Throwable failure = new RuntimeException(new IllegalArgumentException("field 'x' is wrong"));
    assertThat(summary(failure))
        .isEqualTo("java.lang.IllegalArgumentException: field 'x' is wrong");
  }

  @Test
  void keepsTheNameOfAnExceptionWithoutAMessage() {
    assertThat(summary(new NullPointerException())).isEqualTo("java.lang.NullPointerException");
  }

  @Test
  void keepsAllLinesOfAMessage() {
    assertThat(summary(new IllegalStateException("one\ntwo"))).isEqualTo("one\ntwo");
  }

  private static String summary(Throwable failure) {
    return FailureText.summary(FailureText.trace(failure));
  }
}
