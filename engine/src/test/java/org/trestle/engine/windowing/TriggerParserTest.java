package org.trestle.engine.windowing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.TextFormat;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform;

class TriggerParserTest {

  @Test
  void readsAllKinds() throws TextFormat.ParseException {
    Trigger trigger =
        parse(
            """
            after_each { subtriggers { after_all {
              subtriggers { always {} } subtriggers { never {} } subtriggers { default {} } } }
            subtriggers { after_any {
              subtriggers { element_count { element_count: 7 } }
              subtriggers { after_synchronized_processing_time {} } } }
            subtriggers { or_finally {
              main { repeat { subtrigger { after_processing_time {
                timestamp_transforms { delay { delay_millis: 5 } }
                timestamp_transforms { align_to { period: 3 offset: 1 } } } } } }
              finally { after_end_of_window { early_firings { always {} } } } } }
            subtriggers { after_end_of_window { late_firings { always {} } } } }
            """);

    assertThat(trigger)
        .isEqualTo(
            new Trigger.AfterEach(
                List.of(
                    new Trigger.AfterAll(
                        List.of(new Trigger.Always(), new Trigger.Never(), new Trigger.Default())),
                    new Trigger.AfterAny(
                        List.of(
                            new Trigger.ElementCount(7),
                            new Trigger.AfterSynchronizedProcessingTime())),
                    new Trigger.OrFinally(
                        new Trigger.Repeat(
                            new Trigger.AfterProcessingTime(
                                List.of(
                                    new TimestampTransform.Delay(5),
                                    new TimestampTransform.AlignTo(3, 1)))),
                        new Trigger.AfterEndOfWindow(new Trigger.Always(), null)),
                    new Trigger.AfterEndOfWindow(null, new Trigger.Always()))));
  }

  @Test
  void aTriggerThatIsNotSetIsTheDefaultOne() {
    assertThat(TriggerParser.parse(RunnerApi.Trigger.getDefaultInstance()))
        .isEqualTo(new Trigger.Default());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          after_all {}                               | trigger.after_all has no subtriggers
          after_any { subtriggers {} }               | trigger.after_any.subtriggers[0] is missing
          repeat {}                                  | trigger.repeat.subtrigger is missing
          or_finally { main { always {} } }          | trigger.or_finally.finally is missing
          after_end_of_window { late_firings {} }    | after_end_of_window.late_firings is missing
          element_count {}                           | trigger.element_count is 0
          after_processing_time { timestamp_transforms {} } | timestamp_transforms[0] is missing
          after_processing_time { timestamp_transforms { align_to {} } } | align_to.period is 0
          """)
  void namesThePartThatIsMalformed(String text, String message) {
    assertThatThrownBy(() -> parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("malformed trigger")
        .hasMessageContaining(message);
  }

  private static Trigger parse(String text) throws TextFormat.ParseException {
    return TriggerParser.parse(TextFormat.parse(text, RunnerApi.Trigger.class));
  }
}
