package org.trestle.engine.execute;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingSdk.numberOf;
import static org.trestle.engine.execute.TestingSdk.numbersOf;
import static org.trestle.engine.execute.TestingSdk.pair;
import static org.trestle.engine.execute.TestingSdk.string;
import static org.trestle.engine.execute.TestingService.DEADLINE_SECONDS;
import static org.trestle.engine.execute.TestingService.newPipeline;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.MonitoringInfosMetadataResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.proto.Urns.UserState;

/** Jobs whose harness and user code do what they should. */
class JobsTest {
  private static final String SUM = "beam:metrics:sum_int64:v1";

  @TempDir Path folder;
  private TestingService service;

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  @Test
  void groupsByKey() throws Exception {
    Counts counts = new Counts();
    service.harnesses(counts.sdk());

    Job job = service.run(Counts.pipeline());

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    assertThat(job.execution().stages())
        .extracting(JobExecution.StageStatus::elementsIn)
        .containsExactly(1L, 4L, 2L, 2L);
    assertThat(job.execution().stages())
        .extracting(JobExecution.StageStatus::elementsOut)
        .containsExactly(4L, 2L, 2L, 0L);
    assertThat(job.execution().explain()).contains("make", "group");
  }

  @Test
  void readsSideInputsThroughState() throws Exception {
    Counts counts = new Counts();
    service.harnesses(
        counts
            .sdk()
            .on("side", element -> element.emit(string("of the side")))
            .on(
                "join",
                element -> {
                  ByteString side = element.sideInput("side0");
                  String text = side.newCodedInput().readString();
                  element.emit(pair(text, numberOf(element.value()).sum()));
                }));

    service.run(
        newPipeline()
            .impulse("start")
            .parDo("make", "start", "kv")
            .impulse("other")
            .parDo("side", "other", "string")
            .parDoWithSides("join", "make", "kv", List.of("side"))
            .reshuffle("apart", "join", "kv")
            .parDo("collect", "apart", "kv")
            .build());

    assertThat(counts.all()).containsOnlyKeys("of the side");
    assertThat(counts.all().get("of the side")).containsExactlyInAnyOrder(1L, 10L, 2L, 20L);
  }

  static Pipeline stateful() {
    return newPipeline()
        .impulse("start")
        .parDo("make", "start", "kv")
        .parDo("keep", "make", "kv", "py", JobsTest::stateAndTimer)
        .reshuffle("apart", "keep", "kv")
        .parDo("collect", "apart", "kv")
        .build();
  }

  private static ParDoPayload.Builder stateAndTimer(ParDoPayload.Builder payload) {
    return payload
        .putStateSpecs(
            "seen",
            StateSpec.newBuilder()
                .setBagSpec(BagStateSpec.newBuilder().setElementCoderId("varint"))
                .setProtocol(FunctionSpec.newBuilder().setUrn(UserState.BAG))
                .build())
        .putTimerFamilySpecs(
            "flush",
            TimerFamilySpec.newBuilder()
                .setTimeDomain(TimeDomain.Enum.EVENT_TIME)
                .setTimerFamilyCoderId("custom")
                .build());
  }

  /** Keeps numbers in a bag, and writes their sum when a timer fires at the end of time. */
  static TestingSdk keeping(TestingSdk sdk) {
    return sdk.on(
            "keep",
            element -> {
              ByteString key = string(numberOf(element.value()).key());
              element
                  .bundle()
                  .append(element.bag("seen", key), element.value().substring(key.size()));
              element.setTimer("flush", key, EventTime.GLOBAL_WINDOW_MAX);
            })
        .onTimer(
            "keep",
            (element, family) -> {
              ByteString bag = element.bundle().get(element.bag("seen", element.value()));
              long sum = 0;
              for (var input = bag.newCodedInput(); !input.isAtEnd(); ) {
                sum += input.readRawVarint64();
              }
              element.bundle().clear(element.bag("seen", element.value()));
              element.emit(pair(element.value().substring(1).toString(UTF_8) + family, sum));
            });
  }

  @Test
  void keepsStateTillTimersFire() throws Exception {
    Counts counts = new Counts();
    service.harnesses(keeping(counts.sdk()));

    service.run(stateful());

    assertThat(counts.result()).isEqualTo(Map.of("aflush", 3L, "bflush", 30L));
  }

  @Test
  void resumesWhatWasDeferred() throws Exception {
    Counts counts = new Counts();
    AtomicInteger bundles = new AtomicInteger();
    service.harnesses(
        counts
            .sdk()
            .on("make", element -> element.emit(pair("left", 3)))
            .on(
                "count",
                element -> {
                  bundles.incrementAndGet();
                  long left = numberOf(element.value()).sum();
                  element.emit(pair("at " + left, left));
                  if (left > 1) {
                    element.defer(pair("left", left - 1));
                  }
                }));

    service.run(
        newPipeline()
            .impulse("start")
            .parDo("make", "start", "kv")
            .reshuffle("split", "make", "kv")
            .parDo("count", "split", "kv")
            .reshuffle("apart", "count", "kv")
            .parDo("collect", "apart", "kv")
            .build());

    assertThat(counts.result()).isEqualTo(Map.of("at 3", 3L, "at 2", 2L, "at 1", 1L));
    assertThat(bundles).hasValue(3);
  }

  @Test
  void flattensOutputsOfSeveralStages() throws Exception {
    Counts counts = new Counts();
    service.harnesses(
        counts
            .sdk()
            .on("one", element -> element.emit(pair("a", 1)))
            .on("two", element -> element.emit(pair("a", 2)))
            .on(
                "sum",
                element -> {
                  var group = numbersOf(element.value());
                  element.emit(pair(group.key(), group.sum()));
                }));

    service.run(
        newPipeline()
            .impulse("start")
            .parDo("one", "start", "kv")
            .impulse("other")
            .parDo("two", "other", "kv")
            .flatten("both", "kv", "one", "two")
            .groupByKey("group", "both", "grouped")
            .parDo("sum", "group", "kv")
            .reshuffle("apart", "sum", "kv")
            .parDo("collect", "apart", "kv")
            .build());

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L));
  }

  @Test
  void anEmptyPaneDoesNotFollowEarlyOnesOfBoundedInput() throws Exception {
    Counts counts = new Counts();
    service.harnesses(counts.sdk());
    Trigger each =
        Trigger.newBuilder()
            .setElementCount(Trigger.ElementCount.newBuilder().setElementCount(1))
            .build();
    Pipeline.Builder pipeline = Counts.pipeline().toBuilder();
    var components = pipeline.getComponentsBuilder();
    components.putWindowingStrategies(
        "w",
        components.getWindowingStrategiesOrThrow("w").toBuilder()
            .setTrigger(
                Trigger.newBuilder().setRepeat(Trigger.Repeat.newBuilder().setSubtrigger(each)))
            .build());

    service.run(pipeline.build());

    assertThat(counts.all().get("a")).containsExactlyInAnyOrder(1L, 2L);
    assertThat(counts.all().get("b")).containsExactlyInAnyOrder(10L, 20L);
  }

  @Test
  void runsCopiesOfWhatReadsAFlattenInTheStagesBeforeIt() throws Exception {
    Counts counts = new Counts();
    AtomicInteger bytesOfSide = new AtomicInteger();
    service.harnesses(
        counts
            .sdk()
            .on(
                "mark",
                element -> {
                  var number = numberOf(element.value());
                  element.emit(pair(number.key() + "!", number.sum()));
                })
            .on("watch", element -> bytesOfSide.set(element.sideInput("side0").size())));

    Job job =
        service.run(
            newPipeline()
                .impulse("start")
                .parDo("make", "start", "kv")
                .reshuffle("between", "make", "kv")
                .parDo("again", "between", "kv")
                .flatten("both", "kv", "make", "again", "make")
                .parDo("mark", "both", "kv")
                .groupByKey("group", "mark", "grouped")
                .parDo("sum", "group", "kv")
                .reshuffle("apart", "sum", "kv")
                .parDo("collect", "apart", "kv")
                .impulse("other")
                .parDoWithSides("watch", "other", "kv", List.of("mark"))
                .build());

    assertThat(job.execution().explain()).contains("a copy: also in");
    assertThat(counts.result()).isEqualTo(Map.of("a!", 9L, "b!", 90L));
    int twelvePairs = 12 * pair("a!", 1).size();
    assertThat(bytesOfSide).hasValue(twelvePairs);
  }

  private static MonitoringInfo metric(String transform) {
    return MonitoringInfo.newBuilder()
        .setUrn("beam:metric:user:sum_int64:v1")
        .setType(SUM)
        .putLabels("PTRANSFORM", transform)
        .putLabels("NAMESPACE", "tests")
        .putLabels("NAME", "bundles")
        .setPayload(ByteString.copyFrom(new byte[] {1}))
        .build();
  }

  @Test
  void sumsMetricsOfBundles() throws Exception {
    service.harnesses(
        new Counts()
            .sdk()
            .onResponse(response -> response.addMonitoringInfos(metric("of all bundles"))));

    Job job = service.run(Counts.pipeline());

    byte bundles = (byte) sdkBundles(job);
    assertThat(bundles).isGreaterThanOrEqualTo((byte) 3);
    MonitoringInfo expected =
        metric("of all bundles").toBuilder()
            .setPayload(ByteString.copyFrom(new byte[] {bundles}))
            .build();
    assertThat(job.execution().committedMetrics()).containsExactly(expected);
    assertThat(job.execution().attemptedMetrics()).containsExactly(expected);
  }

  private static long sdkBundles(Job job) {
    return job.execution().stages().stream()
        .filter(stage -> !stage.environment().equals("runner"))
        .mapToLong(JobExecution.StageStatus::bundles)
        .sum();
  }

  @Test
  void asksForTheMetricsBehindShortIds() throws Exception {
    TestingSdk sdk =
        new Counts()
            .sdk()
            .onResponse(
                response -> response.putMonitoringData("m1", ByteString.copyFrom(new byte[] {1})));
    service.harnesses(
        bundle -> {
          bundle
              .harness()
              .answerInstructions(
                  answer ->
                      answer.toBuilder()
                          .clearError()
                          .setMonitoringInfos(
                              MonitoringInfosMetadataResponse.newBuilder()
                                  .putMonitoringInfo("m1", metric("known by id")))
                          .build());
          sdk.run(bundle);
        });

    Job job = service.run(Counts.pipeline());

    assertThat(job.execution().committedMetrics())
        .containsExactly(
            metric("known by id").toBuilder()
                .setPayload(ByteString.copyFrom(new byte[] {(byte) sdkBundles(job)}))
                .build());
  }

  @Test
  void attemptedMetricsAreThoseOfRunningAndFailedBundlesToo() throws Exception {
    // A question is asked when the answer to the one before is taken.
    CountDownLatch asked = new CountDownLatch(2);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicInteger attempts = new AtomicInteger();
    TestingSdk sdk =
        new Counts()
            .sdk()
            .onResponse(response -> response.addMonitoringInfos(metric("of the end")));
    service.harnesses(
        bundle -> {
          bundle
              .harness()
              .answerInstructions(
                  answer -> {
                    if (answer.hasProcessBundleProgress()) {
                      asked.countDown();
                      return answer.toBuilder()
                          .setProcessBundleProgress(
                              ProcessBundleProgressResponse.newBuilder()
                                  .addMonitoringInfos(metric("on the way")))
                          .build();
                    }
                    return answer;
                  });
          if (bundle.descriptor().containsTransforms("make") && attempts.incrementAndGet() == 1) {
            goOn.await();
            throw new IllegalStateException("the first time it fails");
          }
          sdk.run(bundle);
        });

    Job job = service.start(Counts.pipeline());
    assertThat(asked.await(DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
    List<MonitoringInfo> attemptedMeanwhile = job.execution().attemptedMetrics();
    List<MonitoringInfo> committedMeanwhile = job.execution().committedMetrics();
    goOn.countDown();

    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(attemptedMeanwhile).containsExactly(metric("on the way"));
    assertThat(committedMeanwhile).isEmpty();
    assertThat(job.execution().committedMetrics())
        .extracting(MonitoringInfo::getUrn)
        .containsExactly(metric("of the end").getUrn());
    assertThat(job.execution().attemptedMetrics())
        .contains(metric("on the way"))
        .containsAll(job.execution().committedMetrics());
  }

  @Test
  void finalizesBundlesAfterTheirCommit() throws Exception {
    service.harnesses(
        new Counts().sdk().onResponse(response -> response.setRequiresFinalization(true)));

    Job job = service.run(Counts.pipeline());

    assertThat(job.warnings()).isEmpty();
    for (long i = sdkBundles(job); i > 0; i--) {
      InstructionRequest next;
      do {
        next = service.lastHarness().takeInstruction();
      } while (next.hasProcessBundleProgress()); // a bundle may have been slow
      assertThat(next.hasFinalizeBundle()).isTrue();
    }
  }

  @Test
  void failedFinalizationIsAWarning() throws Exception {
    TestingSdk sdk =
        new Counts().sdk().onResponse(response -> response.setRequiresFinalization(true));
    service.harnesses(
        bundle -> {
          bundle
              .harness()
              .answerInstructions(answer -> answer.toBuilder().setError("too late").build());
          sdk.run(bundle);
        });

    Job job = service.run(Counts.pipeline());

    assertThat(job.warnings())
        .hasSize((int) sdkBundles(job))
        .contains("bundle finalisation failed in stage make: too late");
  }
}
