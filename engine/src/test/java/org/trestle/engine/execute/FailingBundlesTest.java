package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.server.FnCounts;
import org.trestle.fn.server.TestingBundle;
import org.trestle.fn.server.TestingHarness;

/** User code that raises, and harnesses whose answers are wrong: each time the next job runs. */
class FailingBundlesTest {
  private static final Map<String, Long> SUMS = Map.of("a", 3L, "b", 30L);

  @TempDir Path folder;
  private TestingService service;

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void theNextJobSucceeds() throws Exception {
    try (TestingService toClose = service) {
      toClose.assertNextJobSucceeds();
    }
  }

  /** Answers bundles that have the transform with an error. */
  private static TestingHarness.Script raising(
      TestingSdk sdk, String transform, Supplier<String> error) {
    return bundle -> {
      String text = bundle.descriptor().containsTransforms(transform) ? error.get() : "";
      if (text.isEmpty()) {
        sdk.run(bundle);
        return;
      }
      while (bundle.next() != null) {
        // The harness fails after its last element.
      }
      answer(bundle, text);
    };
  }

  private static void answer(TestingBundle bundle, String error) {
    bundle
        .harness()
        .send(
            InstructionResponse.newBuilder()
                .setInstructionId(bundle.instructionId())
                .setError(error)
                .build());
    bundle.neverRespond();
  }

  @Test
  void userCodeThatRaisesFailsTheJobWithItsOwnText() throws Exception {
    String traceback = "Traceback (most recent call last):\n  File \"x.py\", line 3\nValueError: ä";
    AtomicInteger attempts = new AtomicInteger();
    service.harnesses(
        raising(
            new Counts().sdk(),
            "sum",
            () -> {
              attempts.incrementAndGet();
              return traceback;
            }));

    Job job = service.start(Counts.pipeline());

    assertThat(service.errorOf(job)).isEqualTo(traceback);
    assertThat(attempts).hasValue(4);
    assertThat(job.warnings())
        .containsExactly(
            "bundle of stage sum failed (attempt 1 of 4), trying again: " + traceback,
            "bundle of stage sum failed (attempt 2 of 4), trying again: " + traceback,
            "bundle of stage sum failed (attempt 3 of 4), trying again: " + traceback,
            job.warnings().get(3));
    assertThat(job.warnings().get(3))
        .startsWith(
            "the bundle of stage sum that failed has 2 elements; from number 1 on, as encoded")
        .contains("\\x01a");
    assertThat(job.execution().stages())
        .extracting(JobExecution.StageStatus::failedBundles)
        .containsExactly(0L, 0L, 4L, 0L);
  }

  @Test
  void outputsOfFailedAttemptsDoNotCount() throws Exception {
    Counts counts = new Counts();
    AtomicInteger attempts = new AtomicInteger();
    service.harnesses(
        counts
            .sdk()
            .on(
                "sum",
                element -> {
                  Counts.sum(element);
                  Counts.sum(element);
                  element.flush();
                  if (attempts.incrementAndGet() <= 3) {
                    throw new IllegalStateException("not yet");
                  }
                  // Twice on purpose: what counts is that the failed attempts add nothing.
                }));

    Job job = service.run(Counts.pipeline());

    assertThat(job.warnings()).hasSize(3).allMatch(text -> text.contains("not yet"));
    assertThat(counts.all().get("a")).containsExactly(3L, 3L);
    assertThat(counts.all().get("b")).containsExactly(30L, 30L);
  }

  @Test
  void stateAndTimersOfFailedAttemptsAreRolledBack() throws Exception {
    Counts counts = new Counts();
    AtomicInteger failures = new AtomicInteger();
    TestingSdk sdk = JobsTest.keeping(counts.sdk());
    service.harnesses(
        bundle -> {
          if (!bundle.descriptor().containsTransforms("keep") || failures.get() == 3) {
            sdk.run(bundle);
            return;
          }
          failures.incrementAndGet();
          StateKey.Builder key = StateKey.newBuilder();
          key.getBagUserStateBuilder()
              .setTransformId("keep")
              .setUserStateId("seen")
              .setKey(TestingSdk.string("a"));
          assertThat(bundle.get(key.build())).isEmpty();
          bundle.append(key.build(), ByteString.copyFrom(new byte[] {100}));
          assertThat(bundle.get(key.build())).hasSize(1);
          answer(bundle, "after it wrote state");
        });

    Job job = service.run(JobsTest.stateful());

    assertThat(job.warnings()).hasSize(3).allMatch(text -> text.endsWith("after it wrote state"));
    assertThat(counts.result()).isEqualTo(Map.of("aflush", 3L, "bflush", 30L));
  }

  @Test
  void garbageElementsFailTheJob() throws Exception {
    service.harnesses(writing("make", bundle -> bundle.output(sinkOf(bundle), garbage())));

    assertThat(service.runFailing(Counts.pipeline()))
        .startsWith(
            "the harness wrote malformed data in stage make:"
                + " malformed element written to edge make:");
  }

  @Test
  void elementsThatEndTooEarlyFailTheJob() throws Exception {
    TestingSdk sdk =
        new Counts()
            .sdk()
            .on("make", element -> element.emit(TestingSdk.pair("a", 1).substring(0, 1)));
    service.harnesses(sdk);

    assertThat(service.runFailing(Counts.pipeline())).contains("stage make", "edge make");
  }

  @Test
  void dataForAnUnknownSinkFailsTheJob() throws Exception {
    service.harnesses(writing("make", bundle -> bundle.output("nowhere", garbage())));

    Job job = service.start(Counts.pipeline());

    assertThat(service.errorOf(job))
        .isEqualTo("harness sent data for nowhere, which is not an output of the bundle");
    assertThat(job.warnings().get(0)).startsWith("bundle of stage make failed (attempt 1 of 4)");
  }

  @Test
  void garbageTimersFailTheJob() throws Exception {
    service.harnesses(
        writing("keep", bundle -> bundle.timers(new TimerEndpoint("keep", "flush"), garbage())));

    assertThat(service.runFailing(JobsTest.stateful()))
        .startsWith("the harness wrote malformed data in stage keep: ");
  }

  @Test
  void timersOfUnknownFamiliesFailTheJob() throws Exception {
    service.harnesses(
        writing("keep", bundle -> bundle.timers(new TimerEndpoint("keep", "unheard"), garbage())));

    assertThat(service.runFailing(JobsTest.stateful())).contains("keep", "unheard");
  }

  @Test
  void timersOfForeignKeysFailTheJob() throws Exception {
    service.harnesses(
        JobsTest.keeping(new Counts().sdk())
            .on(
                "keep",
                element -> {
                  for (int i = 0; i < 100; i++) {
                    element.setTimer("flush", TestingSdk.string("not here " + i), 0);
                  }
                }));

    assertThat(service.runFailing(JobsTest.stateful()))
        .contains("timer of family keep/flush", "not in the bundle");
  }

  /** Writes something in bundles that have the transform, before all that is right. */
  private static TestingHarness.Script writing(String transform, TestingHarness.Script wrong) {
    TestingSdk sdk = JobsTest.keeping(new Counts().sdk());
    return bundle -> {
      if (bundle.descriptor().containsTransforms(transform)) {
        wrong.run(bundle);
      }
      sdk.run(bundle);
    };
  }

  private static String sinkOf(TestingBundle bundle) {
    return bundle.outputs().iterator().next();
  }

  private static ByteString garbage() {
    byte[] bytes = new byte[40];
    Arrays.fill(bytes, (byte) -2);
    return ByteString.copyFrom(bytes);
  }

  @Test
  void secondAnswersAndUnknownOnesAreIgnored() throws Exception {
    Counts counts = new Counts();
    TestingSdk sdk = counts.sdk();
    service.harnesses(
        bundle -> {
          sendAnswer(bundle, "bundle-of-nobody");
          sdk.run(bundle);
          sendAnswer(bundle, bundle.instructionId());
        });

    service.run(Counts.pipeline());

    assertThat(counts.result()).isEqualTo(SUMS);
    assertThat(service.server.counts())
        .extracting(FnCounts::ignoredResponses)
        .satisfies(ignored -> assertThat(ignored).isGreaterThanOrEqualTo(3L));
  }

  private static void sendAnswer(TestingBundle bundle, String instructionId) {
    bundle
        .harness()
        .send(
            InstructionResponse.newBuilder()
                .setInstructionId(instructionId)
                .setProcessBundle(ProcessBundleResponse.getDefaultInstance())
                .build());
  }

  @Test
  void unknownStateKeyFailsThatRequestAlone() throws Exception {
    Counts counts = new Counts();
    Queue<String> errors = new ConcurrentLinkedQueue<>();
    service.harnesses(
        counts
            .sdk()
            .on(
                "sum",
                element -> {
                  StateKey.Builder side = StateKey.newBuilder();
                  side.getIterableSideInputBuilder().setTransformId("sum").setSideInputId("none");
                  errors.add(errorOf(element.bundle(), side.build()));
                  errors.add(errorOf(element.bundle(), element.bag("none", ByteString.EMPTY)));
                  errors.add(errorOf(element.bundle(), StateKey.getDefaultInstance()));
                  Counts.sum(element);
                }));

    Job job = service.run(Counts.pipeline());

    assertThat(counts.result()).isEqualTo(SUMS);
    assertThat(job.warnings()).isEmpty();
    assertThat(errors)
        .hasSize(6)
        .anyMatch(text -> text.contains("transform sum has no side input none in stage sum"))
        .anyMatch(text -> text.contains("stage sum has no user state"))
        .anyMatch(text -> text.contains("unknown kind of state key"));
  }

  private static String errorOf(TestingBundle bundle, StateKey key) throws Exception {
    return bundle
        .harness()
        .state(
            StateRequest.newBuilder()
                .setInstructionId(bundle.instructionId())
                .setStateKey(key)
                .setGet(StateGetRequest.getDefaultInstance()))
        .getError();
  }
}
