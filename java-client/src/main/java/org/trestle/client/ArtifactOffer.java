package org.trestle.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactRequestWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactResponseWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.EmbeddedFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.apache.beam.sdk.fn.channel.ManagedChannelFactory;
import org.apache.beam.sdk.util.construction.BeamUrns;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.InvalidProtocolBufferException;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.ClientCallStreamObserver;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.ClientResponseObserver;
import org.jspecify.annotations.Nullable;

/**
 * Offers a pipeline's artifacts to the service, which asks for those it wants (reverse retrieval).
 *
 * <p>Only what the pipeline names is given out: the service cannot read other files of the client.
 */
final class ArtifactOffer {
  private static final int CHUNK_BYTES = 1 << 20;
  private static final String FILE = BeamUrns.getUrn(StandardArtifacts.Types.FILE);
  private static final String EMBEDDED = BeamUrns.getUrn(StandardArtifacts.Types.EMBEDDED);

  private final Set<Content> offered = new HashSet<>();
  private final Duration silence;

  /** What tells one artifact's bytes from another's; the role says only where they go. */
  private record Content(String type, ByteString payload) {
    static Content of(ArtifactInformation artifact) {
      return new Content(artifact.getTypeUrn(), artifact.getTypePayload());
    }
  }

  /**
   * Offers what the environments of a pipeline depend on; gives up after a silence of the service.
   */
  ArtifactOffer(RunnerApi.Pipeline pipeline, Duration silence) {
    this.silence = silence;
    for (RunnerApi.Environment environment :
        pipeline.getComponents().getEnvironmentsMap().values()) {
      environment.getDependenciesList().forEach(a -> offered.add(Content.of(a)));
    }
  }

  /**
   * Answers the service until it has all it wants.
   *
   * @throws JobServiceException if the service breaks off, falls silent, or asks for something that
   *     was not offered or cannot be read
   */
  void stage(ApiServiceDescriptor endpoint, String stagingToken) {
    ManagedChannel channel = ManagedChannelFactory.createDefault().forDescriptor(endpoint);
    try {
      Conversation conversation = new Conversation();
      ArtifactStagingServiceGrpc.newStub(channel).reverseArtifactRetrievalService(conversation);
      conversation.hold(stagingToken);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobServiceException("interrupted while staging artifacts", e);
    } finally {
      channel.shutdownNow();
    }
  }

  /** What the service sent: a request, or the end of the stream. */
  private sealed interface Event {
    record Request(ArtifactRequestWrapper wrapper) implements Event {}

    record End(Status status) implements Event {}
  }

  /** One staging stream. Requests come on gRPC's thread and are answered on the caller's. */
  private final class Conversation
      implements ClientResponseObserver<ArtifactResponseWrapper, ArtifactRequestWrapper> {
    // The service asks for one artifact after the other, so this stays short.
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Object readiness = new Object();

    @SuppressWarnings("NullAway.Init") // gRPC calls beforeStart first
    private ClientCallStreamObserver<ArtifactResponseWrapper> out;

    @Override
    public void beforeStart(ClientCallStreamObserver<ArtifactResponseWrapper> stream) {
      out = stream;
      stream.setOnReadyHandler(
          () -> {
            synchronized (readiness) {
              readiness.notifyAll();
            }
          });
    }

    @Override
    public void onNext(ArtifactRequestWrapper request) {
      events.add(new Event.Request(request));
    }

    @Override
    public void onError(Throwable t) {
      end(Status.fromThrowable(t));
    }

    @Override
    public void onCompleted() {
      end(Status.OK);
    }

    private void end(Status status) {
      events.add(new Event.End(status));
      synchronized (readiness) {
        readiness.notifyAll();
      }
    }

    void hold(String stagingToken) throws InterruptedException {
      out.onNext(ArtifactResponseWrapper.newBuilder().setStagingToken(stagingToken).build());
      while (true) {
        Event event = events.poll(silence.toMillis(), TimeUnit.MILLISECONDS);
        if (event == null) {
          throw failed("the service was silent for " + silence.toSeconds() + " s", null);
        } else if (event instanceof Event.Request request) {
          answer(request.wrapper());
        } else if (event instanceof Event.End end) {
          if (!end.status().isOk()) {
            throw failed(
                end.status().getCode() + ": " + end.status().getDescription(),
                end.status().getCause());
          }
          out.onCompleted();
          return;
        }
      }
    }

    private void answer(ArtifactRequestWrapper request) throws InterruptedException {
      switch (request.getRequestCase()) {
        case RESOLVE_ARTIFACT -> {
          ResolveArtifactsResponse resolved =
              ResolveArtifactsResponse.newBuilder()
                  .addAllReplacements(request.getResolveArtifact().getArtifactsList())
                  .build();
          send(
              ArtifactResponseWrapper.newBuilder()
                  .setResolveArtifactResponse(resolved)
                  .setIsLast(true)
                  .build());
        }
        case GET_ARTIFACT -> give(request.getGetArtifact().getArtifact());
        default -> throw failed("the service asked for " + request.getRequestCase(), null);
      }
    }

    private void give(ArtifactInformation artifact) throws InterruptedException {
      if (!offered.contains(Content.of(artifact))) {
        throw failed("the service asked for an artifact that the pipeline does not name", null);
      }
      try {
        if (artifact.getTypeUrn().equals(FILE)) {
          Path path = Path.of(ArtifactFilePayload.parseFrom(artifact.getTypePayload()).getPath());
          try (InputStream content = Files.newInputStream(path)) {
            sendAll(content);
          }
        } else if (artifact.getTypeUrn().equals(EMBEDDED)) {
          try (InputStream content =
              EmbeddedFilePayload.parseFrom(artifact.getTypePayload()).getData().newInput()) {
            sendAll(content);
          }
        } else {
          throw failed("artifacts of type " + artifact.getTypeUrn() + " cannot be sent", null);
        }
      } catch (InvalidProtocolBufferException e) {
        throw failed("the description of an artifact is malformed", e);
      } catch (IOException e) {
        throw failed("an artifact cannot be read: " + e, e);
      }
    }

    private void sendAll(InputStream content) throws IOException, InterruptedException {
      ByteString chunk = ByteString.readFrom(content, CHUNK_BYTES, CHUNK_BYTES);
      boolean last;
      do {
        ByteString next = ByteString.readFrom(content, CHUNK_BYTES, CHUNK_BYTES);
        last = next.isEmpty();
        send(
            ArtifactResponseWrapper.newBuilder()
                .setGetArtifactResponse(GetArtifactResponse.newBuilder().setData(chunk))
                .setIsLast(last)
                .build());
        chunk = next;
      } while (!last);
    }

    /** Sends when gRPC is ready for it, so that no more than its own buffer is in memory. */
    private void send(ArtifactResponseWrapper response) throws InterruptedException {
      long giveUp = System.nanoTime() + silence.toNanos();
      synchronized (readiness) {
        while (!out.isReady() && !hasEnded()) {
          long left = TimeUnit.NANOSECONDS.toMillis(giveUp - System.nanoTime());
          if (left <= 0) {
            throw failed("the service took nothing for " + silence.toSeconds() + " s", null);
          }
          readiness.wait(left);
        }
      }
      out.onNext(response);
    }

    private boolean hasEnded() {
      return events.stream().anyMatch(e -> e instanceof Event.End);
    }
  }

  private static JobServiceException failed(String reason, @Nullable Throwable cause) {
    return new JobServiceException(
        "the artifacts of the pipeline were not staged: " + reason, cause);
  }
}
