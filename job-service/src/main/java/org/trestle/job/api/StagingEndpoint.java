package org.trestle.job.api;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactRequestWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactResponseWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc;
import org.jspecify.annotations.Nullable;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;
import org.trestle.job.artifact.Staging;
import org.trestle.job.run.Jobs;
import org.trestle.job.run.Preparation;

/**
 * Beam's artifact staging: the client opens a stream and answers what is asked on it. Bytes are
 * written to disk in the call's own callback, so a client can send no faster than the disk takes;
 * one that goes silent is dropped.
 */
public final class StagingEndpoint
    extends ArtifactStagingServiceGrpc.ArtifactStagingServiceImplBase {
  private final Jobs jobs;
  private final ScheduledExecutorService timer;
  private final Duration silence;

  /**
   * @param silence longest time between two messages of a client
   */
  public StagingEndpoint(Jobs jobs, ScheduledExecutorService timer, Duration silence) {
    this.jobs = jobs;
    this.timer = timer;
    this.silence = silence;
  }

  @Override
  public StreamObserver<ArtifactResponseWrapper> reverseArtifactRetrievalService(
      StreamObserver<ArtifactRequestWrapper> requests) {
    Session session = new Session(requests);
    if (requests instanceof ServerCallStreamObserver<ArtifactRequestWrapper> call) {
      call.setOnCancelHandler(session::end);
    }
    session.watch();
    return session;
  }

  /** One stream. Its lock orders the client's messages and the silence timer. */
  private final class Session implements StreamObserver<ArtifactResponseWrapper> {
    private final StreamObserver<ArtifactRequestWrapper> requests;

    // guarded by this
    private @Nullable Preparation preparation;
    private @Nullable Staging staging;
    private @Nullable Future<?> alarm;
    private boolean ended;

    Session(StreamObserver<ArtifactRequestWrapper> requests) {
      this.requests = requests;
    }

    synchronized void watch() {
      Future<?> old = alarm;
      if (old != null) {
        old.cancel(false);
      }
      alarm = timer.schedule(this::silent, silence.toMillis(), TimeUnit.MILLISECONDS);
    }

    private synchronized void silent() {
      if (!ended) {
        end();
        requests.onError(
            Status.DEADLINE_EXCEEDED
                .withDescription(
                    "nothing was sent for " + silence.toSeconds() + " s (staging-timeout)")
                .asRuntimeException());
      }
    }

    @Override
    public synchronized void onNext(ArtifactResponseWrapper message) {
      if (ended) {
        return;
      }
      watch();
      try {
        ask(take(message));
      } catch (IOException | RuntimeException e) {
        end();
        requests.onError(Calls.toStatus(e));
      }
    }

    private Staging.Request take(ArtifactResponseWrapper message) throws IOException {
      Staging current = staging;
      if (current == null) {
        Preparation found = jobs.preparationByToken(message.getStagingToken());
        Staging started = jobs.stage(found);
        preparation = found;
        staging = started;
        return started.start();
      }
      return switch (message.getResponseCase()) {
        case RESOLVE_ARTIFACT_RESPONSE ->
            current.resolved(message.getResolveArtifactResponse().getReplacementsList());
        case GET_ARTIFACT_RESPONSE ->
            current.received(message.getGetArtifactResponse().getData(), message.getIsLast());
        case RESPONSE_NOT_SET -> {
          if (!message.getIsLast()) {
            throw new RefusedException(
                Reason.INVALID, "a message without a response was sent on a staging stream");
          }
          yield current.received(com.google.protobuf.ByteString.EMPTY, true);
        }
      };
    }

    private void ask(Staging.Request request) {
      if (request instanceof Staging.Resolve resolve) {
        requests.onNext(
            ArtifactRequestWrapper.newBuilder()
                .setResolveArtifact(
                    ResolveArtifactsRequest.newBuilder().addAllArtifacts(resolve.dependencies()))
                .build());
      } else if (request instanceof Staging.Fetch fetch) {
        requests.onNext(
            ArtifactRequestWrapper.newBuilder()
                .setGetArtifact(GetArtifactRequest.newBuilder().setArtifact(fetch.artifact()))
                .build());
      } else if (request instanceof Staging.Finished finished) {
        Preparation current = preparation;
        if (current != null) {
          current.staged(finished);
        }
        end();
        requests.onCompleted();
      }
    }

    @Override
    public void onError(Throwable failure) {
      end();
    }

    @Override
    public synchronized void onCompleted() {
      if (!ended) {
        end();
        requests.onError(
            Status.INVALID_ARGUMENT
                .withDescription("the stream was closed before all artifacts were staged")
                .asRuntimeException());
      }
    }

    synchronized void end() {
      ended = true;
      Future<?> current = alarm;
      if (current != null) {
        current.cancel(false);
      }
      Staging open = staging;
      if (open != null) {
        open.close();
      }
    }
  }
}
