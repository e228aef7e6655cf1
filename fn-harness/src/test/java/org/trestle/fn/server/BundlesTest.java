package org.trestle.fn.server;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.server.TestingRunner.IN;
import static org.trestle.fn.server.TestingRunner.OUT;
import static org.trestle.fn.server.TestingRunner.TIMER;
import static org.trestle.fn.server.TestingRunner.WITH_TIMERS;
import static org.trestle.fn.server.TestingRunner.await;
import static org.trestle.fn.server.TestingRunner.embedding;
import static org.trestle.fn.server.TestingRunner.failureOf;
import static org.trestle.fn.server.TestingRunner.request;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.MonitoringInfosMetadataRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.server.TestingRunner.Pair;

class BundlesTest {
  private TestingRunner runner;

  @BeforeEach
  void start() throws Exception {
    runner = new TestingRunner();
  }

  @AfterEach
  void nothingWasDropped() {
    FnCounts counts = runner.server.counts();
    runner.close();
    assertThat(counts).isEqualTo(new FnCounts(0, 0, 0, 0));
  }

  @Test
  void echoesElementsInOrder() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    TestingReceiver receiver = new TestingReceiver();

    RunningBundle bundle = pair.worker().process(request("a", "", "b", "c"), receiver);

    assertThat(await(bundle.done())).isEqualTo(ProcessBundleResponse.getDefaultInstance());
    assertThat(receiver.text(OUT)).isEqualTo("abc");
  }

  @Test
  void tellsThatAllIsWrittenBeforeTheResponse() throws Exception {
    tellsThatItIsEnding(
        bundle -> bundle.end(OUT),
        bundle -> bundle.respond(ProcessBundleResponse.getDefaultInstance()));
  }

  @Test
  void tellsThatTheResponseIsThereBeforeAllIsWritten() throws Exception {
    tellsThatItIsEnding(
        bundle -> {
          bundle.leaveOutputsOpen();
          bundle.respond(ProcessBundleResponse.getDefaultInstance());
        },
        bundle -> bundle.end(OUT));
  }

  private void tellsThatItIsEnding(TestingHarness.Script first, TestingHarness.Script rest)
      throws Exception {
    CountDownLatch held = new CountDownLatch(1);
    Pair pair =
        runner.connect(
            bundle -> {
              first.run(bundle);
              held.await(30, SECONDS);
              rest.run(bundle);
            });

    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());

    await(bundle.ending());
    assertThat(bundle.done()).isNotDone();
    held.countDown();
    assertThat(await(bundle.done())).isEqualTo(ProcessBundleResponse.getDefaultInstance());
  }

  @Test
  void runsBundlesWithoutInputBlocks() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());

    for (int i = 0; i < 3; i++) {
      assertThat(pair.run("")).isEmpty();
    }
  }

  @Test
  void sendsTimersBothWays() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    TestingReceiver receiver = new TestingReceiver();
    List<Input> inputs =
        List.of(
            new BundleRequest.Timers(TIMER, ByteString.copyFromUtf8("t1")),
            new BundleRequest.Elements(IN, ByteString.copyFromUtf8("e1")),
            new BundleRequest.Timers(TIMER, ByteString.copyFromUtf8("t2")));

    await(pair.worker().process(withTimers(inputs, false), receiver).done());

    assertThat(receiver.text(TIMER)).isEqualTo("t1t2");
    assertThat(receiver.text(OUT)).isEqualTo("e1");
  }

  @Test
  void keepsTheOrderOfElementsAndTimers() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              for (var input = bundle.next(); input != null; input = bundle.next()) {
                seen.add(
                    input instanceof BundleRequest.Elements block
                        ? block.data().toStringUtf8()
                        : ((BundleRequest.Timers) input).data().toStringUtf8());
              }
            });
    List<Input> inputs = new ArrayList<>();
    List<String> order = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      ByteString text = ByteString.copyFromUtf8("block-" + i);
      order.add(text.toStringUtf8());
      inputs.add(
          i % 3 == 0
              ? new BundleRequest.Elements(IN, text)
              : new BundleRequest.Timers(TIMER, text));
    }

    await(pair.worker().process(withTimers(inputs, false), new TestingReceiver()).done());

    assertThat(seen).containsExactlyElementsOf(order);
  }

  @Test
  void embedsSmallInputsAndTakesEmbeddedOutputs() throws Exception {
    BlockingQueue<Integer> embeddedBlocks = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              embeddedBlocks.add(bundle.request().getElements().getDataCount());
              bundle.embedOutputs();
              TestingHarness.echo().run(bundle);
            });
    TestingReceiver receiver = new TestingReceiver();
    List<Input> inputs =
        List.of(
            new BundleRequest.Timers(TIMER, ByteString.copyFromUtf8("t")),
            new BundleRequest.Elements(IN, ByteString.copyFromUtf8("e")));

    await(pair.worker().process(withTimers(inputs, true), receiver).done());

    assertThat(embeddedBlocks.take()).as("the block and its end").isEqualTo(2);
    assertThat(receiver.text(OUT)).isEqualTo("e");
    assertThat(receiver.text(TIMER)).isEqualTo("t");
  }

  @Test
  void doesNotEmbedLargeInputs() throws Exception {
    BlockingQueue<Boolean> embedded = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              embedded.add(bundle.request().hasElements());
              TestingHarness.echo().run(bundle);
            });
    String large = "x".repeat(40_000);
    TestingReceiver receiver = new TestingReceiver();

    await(pair.worker().process(embedding(request(large, large, "end")), receiver).done());

    assertThat(embedded.take()).isFalse();
    assertThat(receiver.text(OUT)).isEqualTo(large + large + "end");
  }

  @Test
  void runsManyBundlesAtOnce() throws Exception {
    int count = 50;
    CountDownLatch all = new CountDownLatch(count);
    Pair pair =
        runner.connect(
            bundle -> {
              all.countDown();
              all.await(30, SECONDS);
              TestingHarness.echo().run(bundle);
            });
    List<TestingReceiver> receivers = new ArrayList<>();
    List<RunningBundle> bundles = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      TestingReceiver receiver = new TestingReceiver();
      receivers.add(receiver);
      bundles.add(pair.worker().process(request("bundle " + i), receiver));
    }

    for (int i = 0; i < count; i++) {
      await(bundles.get(i).done());
      assertThat(receivers.get(i).text(OUT)).isEqualTo("bundle " + i);
    }
  }

  @Test
  void pullsNoMoreInputThanTheHarnessTakes() throws Exception {
    Pair pair = runner.connect(TestingHarness.consume());
    pair.harness().openDataStream();
    pair.harness().holdData();
    AtomicInteger pulled = new AtomicInteger();
    ByteString block = ByteString.copyFrom(new byte[1 << 20]);
    int blocks = 200;
    Iterator<Input> inputs =
        IntStream.range(0, blocks)
            .peek(i -> pulled.incrementAndGet())
            .mapToObj(i -> (Input) new BundleRequest.Elements(IN, block))
            .iterator();

    RunningBundle held = pair.worker().process(request(inputs), new TestingReceiver());
    // State has its own stream, and works while the data stream is stuck: a turn of the server.
    await(held.progress());
    assertThat(pulled.get()).as("pulled while the harness did not read").isLessThan(60);

    pair.harness().releaseData();
    await(held.done());
    assertThat(pulled.get()).isEqualTo(blocks);
  }

  @Test
  void doesNotLetALargeBundleStarveASmallOne() throws Exception {
    CountDownLatch smallDone = new CountDownLatch(1);
    Pair pair = runner.connect(TestingHarness.consume());
    ByteString block = ByteString.copyFrom(new byte[1 << 20]);
    Iterator<Input> endless =
        Stream.generate(() -> (Input) new BundleRequest.Elements(IN, block))
            .takeWhile(input -> smallDone.getCount() > 0)
            .iterator();

    RunningBundle large = pair.worker().process(request(endless), new TestingReceiver());
    await(pair.worker().process(request("small"), new TestingReceiver()).done());
    smallDone.countDown();

    await(large.done());
  }

  @Test
  void answersStateRequestsInOrder() throws Exception {
    StateKey key =
        StateKey.newBuilder()
            .setBagUserState(StateKey.BagUserState.newBuilder().setUserStateId("s"))
            .build();
    Pair pair =
        runner.connect(
            bundle -> {
              for (int i = 0; i < 100; i++) {
                bundle.append(key, ByteString.copyFromUtf8(i + ","));
              }
              bundle.output(OUT, bundle.get(key));
              TestingHarness.consume().run(bundle);
            });
    // One state request of a bundle at a time.
    StringBuilder stored = new StringBuilder();
    TestingReceiver receiver =
        new TestingReceiver()
            .withState(
                state -> {
                  if (state.hasAppend()) {
                    stored.append(state.getAppend().getData().toStringUtf8());
                    return StateResponse.newBuilder()
                        .setAppend(StateAppendResponse.getDefaultInstance());
                  }
                  boolean first = state.getGet().getContinuationToken().isEmpty();
                  StateGetResponse.Builder page = StateGetResponse.newBuilder();
                  if (first) {
                    page.setData(ByteString.copyFromUtf8("page one,"));
                    page.setContinuationToken(ByteString.copyFromUtf8("next"));
                  } else {
                    page.setData(ByteString.copyFromUtf8(stored.toString()));
                  }
                  return StateResponse.newBuilder().setGet(page);
                });

    await(pair.worker().process(request(Collections.emptyIterator()), receiver).done());

    StringBuilder expected = new StringBuilder("page one,");
    IntStream.range(0, 100).forEach(i -> expected.append(i).append(','));
    assertThat(receiver.text(OUT)).isEqualTo(expected.toString());
  }

  @Test
  void reportsOfABundleHoldWhatTheHarnessLeavesOutBecauseItIsUnchanged() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    Pair pair =
        runner.connect(
            bundle -> {
              asked.await(30, SECONDS);
              bundle.respond(
                  ProcessBundleResponse.newBuilder().putMonitoringData("b", bytes(3)).build());
            });
    Iterator<Map<String, ByteString>> reports =
        List.of(Map.of("a", bytes(1), "b", bytes(1)), Map.of("b", bytes(2))).iterator();
    pair.harness().answerInstructions(answer -> withMetrics(answer, reports.next()));
    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());

    Map<String, ByteString> first = await(bundle.progress()).getMonitoringDataMap();
    Map<String, ByteString> second = await(bundle.progress()).getMonitoringDataMap();
    asked.countDown();
    Map<String, ByteString> last = await(bundle.done()).getMonitoringDataMap();

    assertThat(first).isEqualTo(Map.of("a", bytes(1), "b", bytes(1)));
    assertThat(second).isEqualTo(Map.of("a", bytes(1), "b", bytes(2)));
    assertThat(last).isEqualTo(Map.of("a", bytes(1), "b", bytes(3)));
  }

  @Test
  void aBundleWaitsForReportsThatTheHarnessOwes() throws Exception {
    CompletableFuture<InstructionResponse> owed = new CompletableFuture<>();
    CountDownLatch asked = new CountDownLatch(1);
    Pair pair =
        runner.connect(
            bundle -> {
              asked.await(30, SECONDS);
              bundle.respond(ProcessBundleResponse.getDefaultInstance());
              bundle.harness().send(withMetrics(owed.join(), Map.of("a", bytes(1))));
            });
    pair.harness()
        .answerInstructions(
            answer -> {
              owed.complete(answer);
              return null;
            });
    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());

    var progress = bundle.progress();
    asked.countDown();

    assertThat(await(bundle.done()).getMonitoringDataMap()).isEqualTo(Map.of("a", bytes(1)));
    await(progress);
  }

  private static ByteString bytes(int value) {
    return ByteString.copyFrom(new byte[] {(byte) value});
  }

  private static InstructionResponse withMetrics(
      InstructionResponse answer, Map<String, ByteString> data) {
    return answer.toBuilder()
        .setProcessBundleProgress(
            ProcessBundleProgressResponse.newBuilder().putAllMonitoringData(data))
        .build();
  }

  @Test
  void asksForProgressSplitAndFinalization() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    Pair pair =
        runner.connect(
            bundle -> {
              asked.await(30, SECONDS);
              TestingHarness.echo().run(bundle);
            });
    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());

    await(bundle.progress());
    await(bundle.split(IN, 0.5, 10, List.of(3L)));
    await(bundle.finalizeBundle());
    asked.countDown();
    await(bundle.done());

    assertThat(pair.harness().takeInstruction().getProcessBundleProgress().getInstructionId())
        .isEqualTo(bundle.instructionId());
    var split = pair.harness().takeInstruction().getProcessBundleSplit();
    assertThat(split.getInstructionId()).isEqualTo(bundle.instructionId());
    assertThat(split.getDesiredSplitsOrThrow(IN).getFractionOfRemainder()).isEqualTo(0.5);
    assertThat(split.getDesiredSplitsOrThrow(IN).getAllowedSplitPointsList()).containsExactly(3L);
    assertThat(pair.harness().takeInstruction().getFinalizeBundle().getInstructionId())
        .isEqualTo(bundle.instructionId());
  }

  @Test
  void failsABundleWithTheHarnessesOwnText() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              if (bundle.next() instanceof BundleRequest.Elements input
                  && input.data().toStringUtf8().equals("bad")) {
                throw new IllegalArgumentException("element is bad");
              }
              TestingHarness.consume().run(bundle);
            });

    Throwable failure =
        failureOf(pair.worker().process(request("bad", "more"), new TestingReceiver()));

    assertThat(failure)
        .isInstanceOf(BundleFailedException.class)
        .hasMessageContaining("java.lang.IllegalArgumentException: element is bad");
    assertThat(pair.run("good")).isEmpty();
  }

  @Test
  void failsAnInstructionThatTheHarnessRefuses() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());

    assertThatThrownBy(
            () ->
                await(
                    pair.worker()
                        .instruct(
                            InstructionRequest.newBuilder()
                                .setMonitoringInfos(
                                    MonitoringInfosMetadataRequest.getDefaultInstance()))))
        .hasCauseInstanceOf(BundleFailedException.class)
        .hasMessageContaining("MONITORING_INFOS is unknown");
  }

  private static BundleRequest withTimers(List<Input> inputs, boolean embed) {
    return new BundleRequest(
        WITH_TIMERS, inputs.iterator(), List.of(IN), List.of(TIMER), Set.of(OUT), List.of(), embed);
  }
}
