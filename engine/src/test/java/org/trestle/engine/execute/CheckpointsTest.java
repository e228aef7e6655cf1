package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingSdk.pair;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.BundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest.RequestCase;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.fn.server.TestingHarness;

/** A source that is never done by itself: a bundle of it ends when it is asked to. */
class CheckpointsTest {
  private static final String PROCESS = "read_Process";
  private static final ByteString SIZE = ByteString.copyFrom(new byte[Double.BYTES]);
  private static final int POSITIONS = 3;

  @TempDir Path folder;
  private TestingService service;
  private final Counts counts = new Counts();
  private final List<Integer> begun = new CopyOnWriteArrayList<>();
  private final Map<String, Long> elements = new ConcurrentHashMap<>();
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger mostRunning = new AtomicInteger();
  private final AtomicInteger failures = new AtomicInteger();

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
    service.harnesses(
        counts
            .sdk()
            .on("read_PairWithRestriction", e -> e.emit(e.value().concat(from(0))))
            .on("read_SplitAndSizeRestrictions", e -> e.emit(e.value().concat(SIZE)))
            .on(PROCESS, this::read));
  }

  @AfterEach
  void theNextJobSucceeds() throws Exception {
    try (TestingService toClose = service) {
      toClose.assertNextJobSucceeds();
    }
  }

  private static Pipeline pipeline() {
    return TestingService.newPipeline()
        .impulse("start")
        .parDo("read", "start", "kv")
        .edit(CheckpointsTest::makeUnbounded)
        .reshuffle("apart", "read", "kv")
        .parDo("collect", "apart", "kv")
        .build();
  }

  private static void makeUnbounded(Pipeline.Builder pipeline) {
    var components = pipeline.getComponentsBuilder();
    var read = components.getTransformsOrThrow("read").toBuilder();
    read.getSpecBuilder()
        .setPayload(ParDoPayload.newBuilder().setRestrictionCoderId("kv").build().toByteString());
    components
        .putTransforms("read", read.build())
        .putPcollections(
            "read",
            components.getPcollectionsOrThrow("read").toBuilder()
                .setIsBounded(IsBounded.Enum.UNBOUNDED)
                .build());
  }

  /** All positions from this one on. */
  private static ByteString from(long position) {
    return pair("from", position);
  }

  private static ByteString only(long position) {
    return pair("only", position);
  }

  private static ByteString sized(ByteString restriction) {
    return ByteString.copyFrom(new byte[1]).concat(restriction).concat(SIZE);
  }

  /** Reads one position. Of a restriction that has more, the rest is given back on request. */
  private void read(TestingSdk.Element element) throws Exception {
    var input = element.value().newCodedInput();
    ByteString source = input.readBytes();
    assertThat(source).isEmpty();
    boolean hasMore = input.readString().equals("from");
    int position = (int) input.readRawVarint64();
    begun.add(position);
    long index = elements.merge(element.bundle().instructionId(), 1L, Long::sum) - 1;
    mostRunning.accumulateAndGet(running.incrementAndGet(), Math::max);
    try {
      if (hasMore && position < POSITIONS - 1) {
        awaitSplit(element, index, position);
      }
      if (failures.getAndDecrement() > 0) {
        throw new IllegalStateException("the connection is gone");
      }
      element.emit(pair("at " + position, position));
    } finally {
      running.decrementAndGet();
    }
  }

  /**
   * Goes on after it has given back the rest, as a source does that waits for data: until the
   * runner has taken the split's answer, which it has when it has asked two more questions.
   */
  private static void awaitSplit(TestingSdk.Element element, long index, int position)
      throws Exception {
    ProcessBundleSplitResponse.Builder split = ProcessBundleSplitResponse.newBuilder();
    split
        .addChannelSplitsBuilder()
        .setLastPrimaryElement(index - 1)
        .setFirstResidualElement(index + 1);
    split.addPrimaryRoots(application(element.encoded(sized(only(position)))));
    split
        .addResidualRootsBuilder()
        .setApplication(application(element.encoded(sized(from(position + 1)))));
    TestingHarness harness = element.bundle().harness();
    harness.answerInstructions(
        response ->
            response.hasProcessBundleSplit()
                ? response.toBuilder().setProcessBundleSplit(split).build()
                : response);
    await(harness, RequestCase.PROCESS_BUNDLE_SPLIT);
    await(harness, RequestCase.PROCESS_BUNDLE_PROGRESS);
    await(harness, RequestCase.PROCESS_BUNDLE_PROGRESS);
  }

  private static void await(TestingHarness harness, RequestCase wanted) throws Exception {
    while (harness.takeInstruction().getRequestCase() != wanted) {
      // Another question, which was answered as it came.
    }
  }

  private static BundleApplication application(ByteString element) {
    return BundleApplication.newBuilder()
        .setTransformId(PROCESS)
        .setInputId("in")
        .setElement(element)
        .build();
  }

  private static Map<String, Long> allPositions() {
    return IntStream.range(0, POSITIONS)
        .boxed()
        .collect(Collectors.toMap(position -> "at " + position, Integer::longValue));
  }

  @Test
  void theRestOfARestrictionWaitsForTheBundleThatGaveItBack() throws Exception {
    service.run(pipeline());

    assertThat(counts.result()).isEqualTo(allPositions());
    assertThat(begun).containsExactly(0, 1, 2);
    assertThat(mostRunning).hasValue(1);
  }

  @Test
  void aBundleThatFailsAfterItGaveBackTheRestIsDoneAgainBeforeTheRest() throws Exception {
    failures.set(1);

    service.run(pipeline());

    assertThat(counts.result()).isEqualTo(allPositions());
    assertThat(begun).startsWith(0, 0, 1);
    assertThat(mostRunning).hasValue(1);
  }
}
