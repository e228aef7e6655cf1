package org.trestle.job.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;

final class SlowReaderTest {
  private static final int MESSAGES = 3000;

  @TempDir Path directory = Path.of(".");

  @Test
  void aReaderThatStopsReadingHoldsUpNoOneAndMissesNothing() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      SlowReader reader = new SlowReader();
      JobServiceGrpc.newStub(service.channel())
          .withDeadlineAfter(60, TimeUnit.SECONDS)
          .getMessageStream(JobMessagesRequest.newBuilder().setJobId(job).build(), reader);
      assertThat(reader.begun.await(20, TimeUnit.SECONDS)).isTrue();

      for (int i = 0; i < MESSAGES; i++) {
        execution.listener().message(MessageImportance.JOB_MESSAGE_BASIC, "x".repeat(1000) + i);
      }
      execution.finish();
      service.runsAnotherJob();
      assertThat(reader.end).isNotDone();

      reader.readOn();
      reader.end.get(30, TimeUnit.SECONDS);
      assertThat(reader.seen).hasSize(MESSAGES + 3);
      for (int i = 0; i < MESSAGES; i++) {
        assertThat(reader.seen.get(i + 2).getMessageResponse().getMessageText()).endsWith("x" + i);
      }
      assertThat(reader.seen.get(MESSAGES + 2).getStateResponse().getState())
          .isEqualTo(JobState.Enum.DONE);
    }
  }

  @Test
  void aReaderThatGoesAwayHoldsUpNoOne() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      SlowReader reader = new SlowReader();
      JobServiceGrpc.newStub(service.channel())
          .getMessageStream(JobMessagesRequest.newBuilder().setJobId(job).build(), reader);
      assertThat(reader.begun.await(20, TimeUnit.SECONDS)).isTrue();
      reader.goAway();
      execution.listener().message(MessageImportance.JOB_MESSAGE_BASIC, "to no one");
      execution.finish();
      service.runsAnotherJob();
    }
  }

  /** Takes one message, then none until told. */
  private static final class SlowReader
      implements ClientResponseObserver<JobMessagesRequest, JobMessagesResponse> {
    final CountDownLatch begun = new CountDownLatch(1);
    final CompletableFuture<Void> end = new CompletableFuture<>();
    final List<JobMessagesResponse> seen = new ArrayList<>();
    private final CompletableFuture<ClientCallStreamObserver<JobMessagesRequest>> call =
        new CompletableFuture<>();

    @Override
    public void beforeStart(ClientCallStreamObserver<JobMessagesRequest> stream) {
      stream.disableAutoRequestWithInitial(1);
      call.complete(stream);
    }

    void readOn() {
      call.join().request(Integer.MAX_VALUE);
    }

    void goAway() {
      call.join().cancel("gone", null);
    }

    @Override
    public void onNext(JobMessagesResponse message) {
      seen.add(message);
      begun.countDown();
    }

    @Override
    public void onError(Throwable failure) {
      end.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      end.complete(null);
    }
  }
}
