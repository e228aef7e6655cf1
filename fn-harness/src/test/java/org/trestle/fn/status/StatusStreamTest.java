package org.trestle.fn.status;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusResponse;
import org.junit.jupiter.api.Test;

class StatusStreamTest {
  private final Requests requests = new Requests();
  private final StatusStream stream = new StatusStream(requests);

  /** Keeps what the harness is asked. */
  private static final class Requests implements StreamObserver<WorkerStatusRequest> {
    private final List<WorkerStatusRequest> sent = new ArrayList<>();
    private boolean completed;

    @Override
    public void onNext(WorkerStatusRequest request) {
      sent.add(request);
    }

    @Override
    public void onError(Throwable error) {
      throw new AssertionError(error);
    }

    @Override
    public void onCompleted() {
      completed = true;
    }
  }

  private WorkerStatusResponse.Builder answerTo(int request) {
    return WorkerStatusResponse.newBuilder().setId(requests.sent.get(request).getId());
  }

  @Test
  void reportsBelongToTheirQuestions() {
    CompletableFuture<String> first = stream.report();
    CompletableFuture<String> second = stream.report();

    stream.onNext(answerTo(1).setStatusInfo("two").build());
    stream.onNext(answerTo(0).setStatusInfo("one").build());

    assertThat(first).isCompletedWithValue("one");
    assertThat(second).isCompletedWithValue("two");
  }

  @Test
  void errorOfTheHarnessIsToldOn() {
    CompletableFuture<String> report = stream.report();
    stream.onNext(answerTo(0).setError("no stacks here").build());
    assertThatThrownBy(report::join).hasMessageContaining("no stacks here");
  }

  @Test
  void answersThatNobodyAskedForAreIgnored() {
    stream.onNext(WorkerStatusResponse.newBuilder().setId("else").setStatusInfo("x").build());
    CompletableFuture<String> report = stream.report();
    stream.onNext(answerTo(0).setStatusInfo("one").build());
    stream.onNext(answerTo(0).setStatusInfo("again").build());
    assertThat(report).isCompletedWithValue("one");
  }

  @Test
  void harnessThatLeavesAnswersNothingMore() {
    CompletableFuture<String> before = stream.report();
    stream.onCompleted();
    assertThat(requests.completed).isTrue();
    assertThatThrownBy(before::join).hasMessageContaining("has closed its status stream");
    assertThatThrownBy(stream.report()::join).hasMessageContaining("has closed its status stream");
    assertThat(requests.sent).hasSize(1);
  }

  @Test
  void harnessThatBreaksAnswersNothingMore() {
    CompletableFuture<String> before = stream.report();
    stream.onError(new IllegalStateException("reset"));
    assertThatThrownBy(before::join).hasMessageContaining("has closed its status stream");
  }
}
