package org.trestle.fn.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.server.TestingRunner.IN;
import static org.trestle.fn.server.TestingRunner.OUT;
import static org.trestle.fn.server.TestingRunner.await;
import static org.trestle.fn.server.TestingRunner.embedding;
import static org.trestle.fn.server.TestingRunner.failureOf;
import static org.trestle.fn.server.TestingRunner.request;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.server.TestingRunner.Pair;

/**
 * Harnesses that do what they should not: the bundle or the worker fails, and the next one runs.
 */
class MisbehaviourTest {
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  private final AtomicLong clock = new AtomicLong();
  private final AtomicInteger ids = new AtomicInteger();
  private TestingRunner runner;

  @BeforeEach
  void start() throws Exception {
    runner =
        new TestingRunner(
            FnServerOptions.defaults()
                .withTimeouts(TIMEOUT, TIMEOUT, TIMEOUT)
                .withSources(() -> "worker-" + ids.incrementAndGet(), clock::get));
  }

  @AfterEach
  void theNextWorkerRuns() throws Exception {
    try (TestingRunner toClose = runner) {
      assertThat(toClose.connect(TestingHarness.echo()).run("next")).isEqualTo("next");
    }
  }

  private void passTime(Duration time) {
    clock.addAndGet(time.toNanos());
    runner.server.sweep();
  }

  /** For tests where it is the harness's turn, so that the time to pass time is not known. */
  private void useRealTime(Duration dataStreamTimeout) throws Exception {
    runner.close();
    runner =
        new TestingRunner(
            FnServerOptions.defaults().withTimeouts(TIMEOUT, TIMEOUT, dataStreamTimeout));
  }

  @Test
  void harnessDiesInTheMiddleOfABundle() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              bundle.output(OUT, ByteString.copyFromUtf8("partial"));
              bundle.harness().die();
            });

    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());

    assertThat(failureOf(bundle))
        .isInstanceOf(WorkerLostException.class)
        .hasMessageContaining("environment env-1, job job-1 was lost: its control stream broke");
    assertThat(await(pair.worker().lost())).isEqualTo("its control stream broke");
    assertThat(failureOf(pair.worker().process(request("b"), new TestingReceiver())))
        .isInstanceOf(WorkerLostException.class);
    assertThatThrownBy(() -> await(bundle.progress()))
        .hasCauseInstanceOf(WorkerLostException.class);
  }

  @Test
  void lastErrorsOfTheHarnessExplainItsLoss() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    pair.harness()
        .log(
            LogEntry.newBuilder()
                .setSeverity(LogEntry.Severity.Enum.CRITICAL)
                .setMessage("out of memory")
                .build());
    pair.harness().die();

    assertThat(await(pair.worker().lost())).endsWith("its last errors: out of memory");
  }

  @Test
  void harnessLeaves() throws Exception {
    Pair pair = runner.connect(bundle -> bundle.harness().close());

    assertThat(failureOf(pair.worker().process(request("a"), new TestingReceiver())))
        .isInstanceOf(WorkerLostException.class)
        .hasMessageContaining("it closed its control stream");
  }

  @Test
  void answersTwice() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              TestingHarness.echo().run(bundle);
              bundle.respond(ProcessBundleResponse.getDefaultInstance());
              bundle.respond(ProcessBundleResponse.getDefaultInstance());
            });

    assertThat(pair.run("a")).isEqualTo("a");
    assertThat(pair.run("b")).isEqualTo("b");
    // The second answer to "a" came before the first to "b", on the same stream.
    assertThat(runner.server.counts().ignoredResponses()).isPositive();
  }

  @Test
  void answersAnUnknownInstruction() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    pair.harness().send(InstructionResponse.newBuilder().setInstructionId("nonsense").build());

    assertThat(pair.run("a")).isEqualTo("a");
    assertThat(runner.server.counts().ignoredResponses()).isEqualTo(1);
  }

  @Test
  void answersABundleWithSomethingElse() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              bundle.neverRespond();
              bundle
                  .harness()
                  .send(
                      InstructionResponse.newBuilder()
                          .setInstructionId(bundle.instructionId())
                          .build());
            });

    assertThat(failureOf(pair.worker().process(request("a"), new TestingReceiver())))
        .hasMessageContaining("harness answered a bundle with RESPONSE_NOT_SET");
  }

  @Test
  void sendsDataOfUnknownInstructions() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    pair.harness()
        .send(
            Elements.newBuilder()
                .addData(Elements.Data.newBuilder().setInstructionId("nonsense").setIsLast(true))
                .addTimers(Elements.Timers.newBuilder().setInstructionId("nonsense"))
                .build());

    assertThat(pair.run("a")).isEqualTo("a");
    assertThat(runner.server.counts().droppedBlocks()).isEqualTo(2);
  }

  @Test
  void sendsDataOfAnUnknownTransform() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              bundle.output("elsewhere", ByteString.copyFromUtf8("data"));
              TestingHarness.consume().run(bundle);
            });

    assertThat(failureOf(pair.worker().process(request("a"), new TestingReceiver())))
        .isInstanceOf(BundleFailedException.class)
        .hasMessage("harness sent data for elsewhere, which is not an output of the bundle");
  }

  @Test
  void sendsDataAfterTheEndOfAnOutput() throws Exception {
    Pair pair =
        runner.connect(
            bundle -> {
              bundle.neverRespond();
              bundle.end(OUT);
              bundle.output(OUT, ByteString.copyFromUtf8("late"));
            });

    assertThat(failureOf(pair.worker().process(request("a"), new TestingReceiver())))
        .hasMessage("harness sent data after the end of output out");
  }

  @Test
  void sendsUnknownStateRequests() throws Exception {
    BlockingQueue<String> errors = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              StateRequest.Builder garbage =
                  StateRequest.newBuilder().setInstructionId(bundle.instructionId());
              errors.add(bundle.harness().state(garbage).getError());
              errors.add(bundle.harness().state(garbage.setInstructionId("nonsense")).getError());
              TestingHarness.echo().run(bundle);
            });

    assertThat(pair.run("a")).isEqualTo("a");
    assertThat(errors.take()).contains("no state here", "TYPE_NOT_SET");
    assertThat(errors.take()).contains("no bundle with this instruction id is running", "nonsense");
    assertThat(runner.server.counts().failedStateRequests()).isEqualTo(2);
  }

  @Test
  void neverEndsItsOutputs() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    Pair pair =
        runner.connect(
            bundle -> {
              TestingHarness.echo().run(bundle);
              bundle.leaveOutputsOpen();
              bundle.respond(ProcessBundleResponse.getDefaultInstance());
              answered.countDown();
            });

    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());
    assertThat(answered.await(30, TimeUnit.SECONDS)).isTrue();
    await(bundle.progress());
    passTime(TIMEOUT);
    assertThat(bundle.done()).isNotDone();
    passTime(Duration.ofSeconds(1));

    assertThat(failureOf(bundle))
        .isInstanceOf(BundleFailedException.class)
        .hasMessage("harness answered the bundle but did not end its outputs [out]");
  }

  @Test
  void neverAnswersAnInstruction() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    pair.harness().answerInstructions(response -> null);
    RunningBundle bundle = pair.worker().process(request("a"), new TestingReceiver());
    await(bundle.done());

    var finalized = bundle.finalizeBundle();
    passTime(TIMEOUT.plusSeconds(1));

    assertThatThrownBy(() -> await(finalized))
        .hasMessageContaining("harness did not answer within 60 s");
  }

  @Test
  void closesOnlyTheDataStream() throws Exception {
    useRealTime(TIMEOUT);
    AtomicBoolean first = new AtomicBoolean(true);
    Pair pair =
        runner.connect(
            bundle -> {
              if (first.getAndSet(false)) {
                bundle.next();
                bundle.harness().closeDataStream();
                bundle.neverRespond();
              } else {
                TestingHarness.echo().run(bundle);
              }
            });

    assertThat(failureOf(pair.worker().process(request("a"), new TestingReceiver())))
        .isInstanceOf(BundleFailedException.class)
        .hasMessage("the harness closed the data stream while the bundle was running");
    assertThat(pair.run("b")).as("over another data stream").isEqualTo("b");
  }

  @Test
  void neverOpensAnotherDataStream() throws Exception {
    useRealTime(Duration.ofMillis(200));
    Pair pair =
        runner.connect(
            bundle -> {
              bundle.neverRespond();
              bundle.next();
              bundle.harness().refuseDataStreams();
            });
    var closed = failureOf(pair.worker().process(request("a"), new TestingReceiver()));
    assertThat(closed).hasMessageContaining("closed the data stream");

    RunningBundle waiting = pair.worker().process(request("b"), new TestingReceiver());

    assertThat(failureOf(waiting))
        .hasMessageContaining("harness closed its data stream and opened no other within");
  }

  @Test
  void connectsWithAWrongId() throws Exception {
    TestingHarness harness = runner.harness("guessed", TestingHarness.echo());

    Status status = await(harness.ended());

    assertThat(status.getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(status.getDescription()).contains("'worker_id' names no worker");
    assertThat(runner.server.counts().refusedCalls()).isEqualTo(1);
  }

  @Test
  void connectsTwice() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    TestingHarness second = runner.harness(pair.worker().id(), TestingHarness.echo());

    assertThat(await(second.ended()).getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
    assertThat(pair.run("a")).isEqualTo("a");
  }

  @Test
  void connectsAfterItWasLetGo() throws Exception {
    ExpectedWorker expected = runner.server.expect(runner.spec);
    expected.cancel();
    TestingHarness late = runner.harness(expected.workerId(), TestingHarness.echo());

    assertThat(await(late.ended()).getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThatThrownBy(() -> await(expected.connected()))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(WorkerLostException.class);
  }

  @Test
  void receiverThatThrowsFailsItsBundleOnly() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());
    TestingReceiver broken =
        new TestingReceiver() {
          @Override
          public synchronized void elements(String transformId, ByteString data) {
            throw new IllegalStateException("disk is full");
          }
        };

    RunningBundle bundle = pair.worker().process(request("a"), broken);

    assertThat(failureOf(bundle))
        .isInstanceOf(BundleFailedException.class)
        .hasMessageContaining("output out cannot be taken", "disk is full");
    assertThat(pair.run("b")).isEqualTo("b");
  }

  @Test
  void inputsThatCannotBeReadLeadTheHarnessToTheEnd() throws Exception {
    BlockingQueue<String> ends = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              TestingHarness.consume().run(bundle);
              ends.add("reached");
            });
    Iterator<Input> broken =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return true;
          }

          @Override
          public Input next() {
            throw new IllegalStateException("spill file is gone");
          }
        };

    assertThat(failureOf(pair.worker().process(request(broken), new TestingReceiver())))
        .hasMessageContaining("inputs of the bundle cannot be read", "spill file is gone");
    assertThat(ends.poll(30, TimeUnit.SECONDS)).isEqualTo("reached");
    assertThat(failureOf(pair.worker().process(embedding(request(broken)), new TestingReceiver())))
        .hasMessageContaining("cannot read the bundle's inputs", "spill file is gone");
  }

  @Test
  void abandonedBundleIsLedToItsEndAndItsOutputDropped() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch given = new CountDownLatch(1);
    BlockingQueue<Integer> blocks = new LinkedBlockingQueue<>();
    BlockingQueue<String> state = new LinkedBlockingQueue<>();
    Pair pair =
        runner.connect(
            bundle -> {
              int count = 0;
              for (var input = bundle.next(); input != null; input = bundle.next()) {
                count++;
                begun.countDown();
                given.await(30, TimeUnit.SECONDS);
                bundle.echo(input);
              }
              state.add(
                  bundle
                      .harness()
                      .state(StateRequest.newBuilder().setInstructionId(bundle.instructionId()))
                      .getError());
              blocks.add(count);
            });
    ByteString block = ByteString.copyFrom(new byte[1 << 20]);
    Iterator<Input> endless =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return true;
          }

          @Override
          public Input next() {
            return new BundleRequest.Elements(IN, block);
          }
        };
    TestingReceiver receiver = new TestingReceiver();
    RunningBundle bundle = pair.worker().process(request(endless), receiver);
    assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();

    bundle.abandon("no longer needed");
    given.countDown();

    assertThat(failureOf(bundle)).hasMessage("bundle was given up: no longer needed");
    assertThat(blocks.poll(30, TimeUnit.SECONDS)).isPositive();
    assertThat(state.take()).contains("state request failed");
    assertThat(receiver.bytes()).isZero();
    assertThat(runner.server.counts().droppedBlocks()).isPositive();
  }

  @Test
  void workerThatWasReleasedIsAskedToLeave() throws Exception {
    ExpectedWorker expected = runner.server.expect(runner.spec);
    TestingHarness harness = runner.harness(expected.workerId(), TestingHarness.echo());
    await(expected.connected());

    expected.release("the job has ended");
    expected.release("again");

    assertThat(await(harness.ended())).isEqualTo(Status.OK);
    assertThat(await(await(expected.connected()).lost())).isEqualTo("the job has ended");
  }

  @Test
  void asksForAnUnknownDescriptor() throws Exception {
    Pair pair = runner.connect(TestingHarness.echo());

    assertThatThrownBy(() -> pair.harness().descriptor("other"))
        .hasMessageContaining("NOT_FOUND: no process bundle descriptor 'other'");
  }
}
