package org.trestle.job.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;

final class StreamEndTest {
  private static final int PATIENCE_SECONDS = 20;

  @TempDir Path directory = Path.of(".");

  private final BlockingQueue<String> begun = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> ended = new LinkedBlockingQueue<>();

  @Test
  void statesEndWellAfterMessages() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      JobServiceGrpc.JobServiceStub client = JobServiceGrpc.newStub(service.channel());
      client.getStateStream(
          GetJobStateRequest.newBuilder().setJobId(job).build(), new Reader<>("states"));
      client.getMessageStream(
          JobMessagesRequest.newBuilder().setJobId(job).build(), new Reader<>("messages"));
      assertThat(next(begun)).isNotNull();
      assertThat(next(begun)).isNotNull();
      execution.finish();
      assertThat(next(ended)).isEqualTo("messages");
      assertThat(ended).isEmpty();
      assertThat(next(ended)).isEqualTo("states");
    }
  }

  private static @Nullable String next(BlockingQueue<String> queue) throws InterruptedException {
    return queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** Tells of its first message and of its end. */
  private final class Reader<T> implements StreamObserver<T> {
    private final String name;
    private boolean seen;

    private Reader(String name) {
      this.name = name;
    }

    @Override
    public void onNext(T message) {
      if (!seen) {
        begun.add(name);
        seen = true;
      }
    }

    @Override
    public void onError(Throwable failure) {
      ended.add(name + ": " + failure);
    }

    @Override
    public void onCompleted() {
      ended.add(name);
    }
  }
}
