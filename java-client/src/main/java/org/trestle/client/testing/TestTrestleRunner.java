package org.trestle.client.testing;

import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.PipelineRunner;
import org.apache.beam.sdk.metrics.MetricNameFilter;
import org.apache.beam.sdk.metrics.MetricResult;
import org.apache.beam.sdk.metrics.MetricsFilter;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.SerializableMatcher;
import org.apache.beam.sdk.testing.TestPipelineOptions;
import org.hamcrest.StringDescription;
import org.joda.time.Duration;
import org.jspecify.annotations.Nullable;
import org.trestle.client.TrestlePipelineResult;
import org.trestle.client.TrestleRunner;

/**
 * Runs a test's pipeline on a Trestle job service to its end, and checks what the test expects of
 * it.
 *
 * <p>{@link #run} throws when the job fails or does not end in time (it is cancelled then), when a
 * {@link PAssert} of the pipeline was never reached, and when a matcher of {@link
 * TestPipelineOptions} does not match. {@code --blockOnRun=false} leaves all but the first matcher
 * to the test.
 */
public final class TestTrestleRunner extends PipelineRunner<PipelineResult> {
  private final TestPipelineOptions options;

  private TestTrestleRunner(TestPipelineOptions options) {
    this.options = options;
  }

  /** Makes a runner; Beam calls this. */
  public static TestTrestleRunner fromOptions(PipelineOptions options) {
    return new TestTrestleRunner(options.as(TestPipelineOptions.class));
  }

  @Override
  public PipelineResult run(Pipeline pipeline) {
    TrestlePipelineResult result = TrestleRunner.fromOptions(options).run(pipeline);
    check("create", options.getOnCreateMatcher(), result);
    if (!options.isBlockOnRun()) {
      return result;
    }
    Long seconds = options.getTestTimeoutSeconds();
    PipelineResult.@Nullable State state =
        result.waitUntilFinish(seconds == null ? Duration.ZERO : Duration.standardSeconds(seconds));
    if (state == null) {
      result.cancel();
      throw new AssertionError(result + " did not end within " + seconds + " s");
    }
    if (state != PipelineResult.State.DONE) {
      throw new AssertionError(result + " ended as " + state);
    }
    checkAssertions(PAssert.countAsserts(pipeline), result);
    check("success", options.getOnSuccessMatcher(), result);
    return result;
  }

  /** An assertion whose input never came fails nothing by itself: only the counter shows it. */
  private static void checkAssertions(int expected, PipelineResult result) {
    if (expected == 0) {
      return;
    }
    MetricsFilter filter =
        MetricsFilter.builder()
            .addNameFilter(MetricNameFilter.named(PAssert.class, PAssert.SUCCESS_COUNTER))
            .build();
    long succeeded = 0;
    for (MetricResult<Long> counter : result.metrics().queryMetrics(filter).getCounters()) {
      succeeded += counter.getAttempted();
    }
    if (succeeded < expected) {
      throw new AssertionError(
          result + " has " + expected + " assertions, of which " + succeeded + " succeeded");
    }
  }

  private static void check(
      String when, @Nullable SerializableMatcher<PipelineResult> matcher, PipelineResult result) {
    if (matcher != null && !matcher.matches(result)) {
      StringDescription text = new StringDescription();
      text.appendText("on ").appendText(when).appendText(" expected ").appendDescriptionOf(matcher);
      text.appendText(" but ");
      matcher.describeMismatch(result, text);
      throw new AssertionError(text.toString());
    }
  }
}
