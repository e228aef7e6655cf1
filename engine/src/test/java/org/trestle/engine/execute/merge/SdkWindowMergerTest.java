package org.trestle.engine.execute.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.execute.merge.TestingMergeWorker.window;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RemoteGrpcPort;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.execute.merge.TestingMergeWorker.Answer;
import org.trestle.engine.execute.merge.TestingMergeWorker.Target;
import org.trestle.engine.windowing.WindowMerger.Merged;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.wire.UnknownCoderException;
import org.trestle.proto.Urns;

class SdkWindowMergerTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final FunctionSpec WINDOW_FN =
      FunctionSpec.newBuilder().setUrn("test:window_fn:custom").build();
  private static final Components COMPONENTS =
      Components.newBuilder()
          .putWindowingStrategies(
              "custom",
              WindowingStrategy.newBuilder()
                  .setWindowFn(WINDOW_FN)
                  .setWindowCoderId("prefixed")
                  .setEnvironmentId("python")
                  .build())
          .putCoders("raw", coder("test:coder:window"))
          .putCoders("prefixed", coder(Urns.Coders.CUSTOM_WINDOW, "inner"))
          .putCoders("inner", coder(Urns.Coders.LENGTH_PREFIX, "raw"))
          .putCoders("unused", coder("test:coder:unused"))
          .putEnvironments("python", Environment.newBuilder().setUrn("test:env").build())
          .putEnvironments("java", Environment.newBuilder().setUrn("test:env").build())
          .build();

  private static final ByteKey A = window(1);
  private static final ByteKey B = window(2);
  private static final ByteKey C = window(3, 4);
  private static final ByteKey AB = window(1, 2, 3);

  private final List<ProcessBundleDescriptor> registered = new ArrayList<>();

  private static Coder coder(String urn, String... components) {
    return Coder.newBuilder()
        .setSpec(FunctionSpec.newBuilder().setUrn(urn))
        .addAllComponentCoderIds(List.of(components))
        .build();
  }

  private SdkWindowMerger merger(SdkWorker... workers) {
    return merger(DEADLINE, workers);
  }

  private SdkWindowMerger merger(Duration deadline, SdkWorker... workers) {
    AtomicInteger next = new AtomicInteger();
    return new SdkWindowMerger(
        COMPONENTS,
        "custom",
        ApiServiceDescriptor.newBuilder().setUrl("localhost:1").build(),
        registered::add,
        () -> workers[next.getAndIncrement()],
        deadline);
  }

  private static Answer mergeAll(List<ByteKey> windows) {
    return windows.size() < 2
        ? new Answer(windows, List.of())
        : new Answer(List.of(), List.of(new Target(AB, windows)));
  }

  @Test
  void mergesEachSetForItself() {
    TestingMergeWorker worker = TestingMergeWorker.merging(SdkWindowMergerTest::mergeAll);

    List<List<Merged>> merged =
        merger(worker).merge(List.of(List.of(A, B), List.of(C), List.of(), List.of(B, C)));

    assertThat(merged)
        .containsExactly(
            List.of(new Merged(AB, List.of(A, B))),
            List.of(),
            List.of(),
            List.of(new Merged(AB, List.of(B, C))));
    assertThat(worker.seen).containsExactly(List.of(A, B), List.of(C), List.of(), List.of(B, C));
    assertThat(worker.requests).hasSize(1);
  }

  @Test
  void readsAnswersInBlocksAndPutsThemInOrder() {
    TestingMergeWorker worker =
        TestingMergeWorker.mergingInBlocks(
            windows ->
                new Answer(
                    List.of(), List.of(new Target(AB, List.of(C, B)), new Target(A, List.of(A)))));

    assertThat(merger(worker).merge(List.of(List.of(A, B, C))))
        .containsExactly(List.of(new Merged(A, List.of(A)), new Merged(AB, List.of(B, C))));
  }

  @Test
  void ignoresANewWindowThatReplacesNothing() {
    TestingMergeWorker worker =
        TestingMergeWorker.merging(
            windows -> new Answer(windows, List.of(new Target(AB, List.of()))));
    assertThat(merger(worker).merge(List.of(List.of(A)))).containsExactly(List.of());
  }

  @Test
  void sendsManySetsInSeveralPieces() {
    TestingMergeWorker worker = TestingMergeWorker.merging(SdkWindowMergerTest::mergeAll);
    List<List<ByteKey>> sets = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      sets.add(i % 2 == 0 ? List.of(A, B) : List.of(C));
    }

    List<List<Merged>> merged = merger(worker).merge(sets);

    assertThat(merged).hasSize(20_000);
    assertThat(merged.get(19_998)).containsExactly(new Merged(AB, List.of(A, B)));
    assertThat(merged.get(19_999)).isEmpty();
    assertThat(worker.inputs).isGreaterThan(5);
  }

  @Test
  void asksNobodyWhenThereIsNothingToMerge() {
    assertThat(merger().merge(List.of())).isEmpty();
  }

  @Nested
  class Descriptor {
    @Test
    void runsTheWindowFnBetweenSourceAndSink() throws Exception {
      TestingMergeWorker worker = TestingMergeWorker.merging(SdkWindowMergerTest::mergeAll);
      merger(worker).merge(List.of(List.of(A)));

      ProcessBundleDescriptor descriptor = registered.get(0);
      BundleRequest request = worker.requests.get(0);
      assertThat(registered).hasSize(1);
      assertThat(request.descriptorId()).isEqualTo(descriptor.getId());
      String source = request.inputTransforms().get(0);
      String sink = request.outputTransforms().iterator().next();
      assertThat(descriptor.getTransformsMap().keySet())
          .isEqualTo(Set.of(source, "windows_fn", sink));
      PTransform merge = descriptor.getTransformsOrThrow("windows_fn");
      assertThat(merge.getSpec().getUrn()).isEqualTo("beam:transform:merge_windows:v1");
      assertThat(FunctionSpec.parseFrom(merge.getSpec().getPayload())).isEqualTo(WINDOW_FN);
      assertThat(descriptor.getTransformsOrThrow(source).getOutputsMap().values())
          .containsExactlyElementsOf(merge.getInputsMap().values());
      assertThat(descriptor.getTransformsOrThrow(sink).getInputsMap().values())
          .containsExactlyElementsOf(merge.getOutputsMap().values());
    }

    @Test
    void holdsTheCodersOfTheModelOverTheWindowCoder() throws Exception {
      merger();
      ProcessBundleDescriptor descriptor = registered.get(0);
      String windows = "iterable(custom_window(length_prefix(test:coder:window)))";
      String window = "custom_window(length_prefix(test:coder:window))";

      assertThat(coderOfPort(descriptor, WindowProgram.SOURCE))
          .isEqualTo("windowed_value(kv(bytes," + windows + "),global_window)");
      assertThat(coderOfPort(descriptor, WindowProgram.SINK))
          .isEqualTo(
              "windowed_value(kv(bytes,kv("
                  + windows
                  + ",iterable(kv("
                  + window
                  + ","
                  + windows
                  + ")))),global_window)");
      assertThat(descriptor.getCodersMap()).doesNotContainKey("unused");
      assertThat(descriptor.getEnvironmentsMap()).containsOnlyKeys("python");
    }

    private String coderOfPort(ProcessBundleDescriptor descriptor, String transform)
        throws Exception {
      PTransform port = descriptor.getTransformsOrThrow(transform);
      return describe(
          descriptor, RemoteGrpcPort.parseFrom(port.getSpec().getPayload()).getCoderId());
    }

    private String describe(ProcessBundleDescriptor descriptor, String coderId) {
      Coder coder = descriptor.getCodersOrThrow(coderId);
      String name = coder.getSpec().getUrn().replaceAll("beam:coder:(.*):v1", "$1");
      List<String> parts =
          coder.getComponentCoderIdsList().stream()
              .map(part -> describe(descriptor, part))
              .toList();
      return parts.isEmpty() ? name : name + "(" + String.join(",", parts) + ")";
    }

    @Test
    void isRefusedWhenWindowsCannotBeRead() {
      Components unreadable =
          COMPONENTS.toBuilder().putCoders("prefixed", coder("test:coder:window")).build();
      assertThatThrownBy(
              () ->
                  new SdkWindowMerger(
                      unreadable,
                      "custom",
                      ApiServiceDescriptor.getDefaultInstance(),
                      registered::add,
                      () -> TestingMergeWorker.hanging(),
                      DEADLINE))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("test:coder:window");
      assertThat(registered).isEmpty();
    }
  }

  @Nested
  class WrongAnswers {
    private void refused(Function<List<ByteKey>, Answer> windowFn, String message) {
      SdkWindowMerger merger = merger(TestingMergeWorker.merging(windowFn));
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A, B))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("test:window_fn:custom")
          .hasMessageContaining(message);
    }

    @Test
    void failWhenAWindowIsMissing() {
      refused(windows -> new Answer(List.of(A), List.of()), "neither merged nor left alone");
    }

    @Test
    void failWhenAWindowWasNotOfTheSet() {
      refused(windows -> new Answer(List.of(A, B, C), List.of()), "not one of the set");
    }

    @Test
    void failWhenAWindowIsInTwoPlaces() {
      refused(
          windows -> new Answer(windows, List.of(new Target(AB, List.of(A)))), "given back twice");
    }

    @Test
    void failWhenBytesAreNotWindows() {
      refused(windows -> new Answer(List.of(ByteKey.wrap(new byte[] {1})), List.of()), "truncated");
    }

    @Test
    void failWhenASetHasNoAnswer() {
      TestingMergeWorker silent = TestingMergeWorker.hanging();
      silent.done.complete(ProcessBundleResponse.getDefaultInstance());
      SdkWindowMerger merger = merger(silent);
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("no answer to window set 0");
    }
  }

  @Nested
  class Failures {
    @Test
    void ofTheWindowFnAreToldWithItsName() {
      SdkWindowMerger merger =
          merger(TestingMergeWorker.failing(new BundleFailedException("ValueError: no")));
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("test:window_fn:custom")
          .hasMessageContaining("windowing strategy custom")
          .hasMessageContaining("ValueError: no");
    }

    @Test
    void ofAWorkerAreRetriedOnAnother() {
      TestingMergeWorker worker = TestingMergeWorker.merging(SdkWindowMergerTest::mergeAll);
      SdkWindowMerger merger = merger(lost(), lost(), lost(), worker);
      assertThat(merger.merge(List.of(List.of(A, B))))
          .containsExactly(List.of(new Merged(AB, List.of(A, B))));
    }

    @Test
    void ofTooManyWorkersFail() {
      SdkWindowMerger merger = merger(lost(), lost(), lost(), lost());
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("test:window_fn:custom")
          .hasMessageContaining("lost 4 workers")
          .hasRootCauseMessage("stream closed");
    }

    private TestingMergeWorker lost() {
      return TestingMergeWorker.failing(new WorkerLostException("stream closed"));
    }

    @Test
    void toAnswerInTimeGiveTheBundleUp() {
      TestingMergeWorker worker = TestingMergeWorker.hanging();
      SdkWindowMerger merger = merger(Duration.ofMillis(1), worker);
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("did not merge windows within");
      assertThat(worker.abandoned).hasSize(1);
    }

    @Test
    void byInterruptionGiveTheBundleUp() {
      TestingMergeWorker worker = TestingMergeWorker.hanging();
      SdkWindowMerger merger = merger(worker);
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> merger.merge(List.of(List.of(A))))
          .isInstanceOf(WindowMergeException.class)
          .hasMessageContaining("interrupted");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(worker.abandoned).hasSize(1);
    }
  }
}
