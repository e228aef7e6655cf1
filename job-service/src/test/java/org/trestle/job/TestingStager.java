package org.trestle.job;

import com.google.protobuf.ByteString;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactRequestWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactResponseWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc.ArtifactStagingServiceStub;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;

/**
 * A client that offers artifacts as Python's does: bytes in chunks, then an empty last chunk. Goes
 * silent when asked for what it does not have.
 */
public final class TestingStager {
  private static final int CHUNK = 100_000;

  private final Map<ArtifactInformation, ByteString> contents = new HashMap<>();
  private final Map<ArtifactInformation, ArtifactInformation> replacements = new HashMap<>();
  private final List<ArtifactInformation> asked = new ArrayList<>();

  /** Offers an artifact. */
  public void content(ArtifactInformation artifact, ByteString content) {
    contents.put(artifact, content);
  }

  /** Resolves an artifact to another. */
  public void replace(ArtifactInformation artifact, ArtifactInformation replacement) {
    replacements.put(artifact, replacement);
  }

  /** The artifacts whose bytes were asked for. */
  public synchronized List<ArtifactInformation> asked() {
    return List.copyOf(asked);
  }

  /** Stages until the service ends the stream; throws what it ends with. */
  public void stage(ArtifactStagingServiceStub service, String token) throws Exception {
    CompletableFuture<Void> end = new CompletableFuture<>();
    CompletableFuture<StreamObserver<ArtifactResponseWrapper>> answers = new CompletableFuture<>();
    StreamObserver<ArtifactResponseWrapper> out =
        service.reverseArtifactRetrievalService(
            new StreamObserver<>() {
              @Override
              public void onNext(ArtifactRequestWrapper request) {
                answer(request, answers.join());
              }

              @Override
              public void onError(Throwable failure) {
                end.completeExceptionally(failure);
              }

              @Override
              public void onCompleted() {
                end.complete(null);
              }
            });
    answers.complete(out);
    out.onNext(ArtifactResponseWrapper.newBuilder().setStagingToken(token).build());
    try {
      end.get(30, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    } catch (TimeoutException e) {
      throw new AssertionError("staging did not end", e);
    }
  }

  private synchronized void answer(
      ArtifactRequestWrapper request, StreamObserver<ArtifactResponseWrapper> out) {
    if (request.hasResolveArtifact()) {
      ResolveArtifactsResponse.Builder answer = ResolveArtifactsResponse.newBuilder();
      for (ArtifactInformation artifact : request.getResolveArtifact().getArtifactsList()) {
        answer.addReplacements(replacements.getOrDefault(artifact, artifact));
      }
      out.onNext(ArtifactResponseWrapper.newBuilder().setResolveArtifactResponse(answer).build());
      return;
    }
    ArtifactInformation artifact = request.getGetArtifact().getArtifact();
    asked.add(artifact);
    ByteString content = contents.get(artifact);
    if (content == null) {
      return;
    }
    for (int at = 0; at < content.size(); at += CHUNK) {
      out.onNext(chunk(content.substring(at, Math.min(content.size(), at + CHUNK)), false));
    }
    out.onNext(chunk(ByteString.EMPTY, true));
  }

  private static ArtifactResponseWrapper chunk(ByteString data, boolean last) {
    return ArtifactResponseWrapper.newBuilder()
        .setGetArtifactResponse(GetArtifactResponse.newBuilder().setData(data))
        .setIsLast(last)
        .build();
  }
}
