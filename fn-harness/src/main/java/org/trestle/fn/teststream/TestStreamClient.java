package org.trestle.fn.teststream;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.io.InputStream;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.jspecify.annotations.Nullable;

/**
 * Asks a {@code TestStreamService} for the events of a TestStream, one at a time. Safe for use by
 * several threads; no method blocks.
 *
 * <p>How long the service takes for an event is its own affair, as it may be a live one: an event
 * has no deadline. A lost connection ends the job, also one that is lost without a sign.
 */
public final class TestStreamClient implements AutoCloseable {
  /** {@code EventsRequest.output_ids}: local names of the outputs to read. */
  private static final int OUTPUT_IDS = 1;

  /**
   * How long a silent connection goes unchecked. Servers take questions that come more often than
   * every five minutes for an abuse, by default.
   */
  private static final Duration UNCHECKED = Duration.ofMinutes(6);

  /**
   * {@code TestStreamService.Events} of {@code beam_interactive_api.proto}, whose Java classes are
   * not published.
   */
  private static final MethodDescriptor<List<String>, TestStreamPayload.Event> EVENTS =
      MethodDescriptor.<List<String>, TestStreamPayload.Event>newBuilder()
          .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
          .setFullMethodName("org.apache.beam.model.interactive.v1.TestStreamService/Events")
          .setRequestMarshaller(new OutputIds())
          .setResponseMarshaller(
              ProtoUtils.marshaller(TestStreamPayload.Event.getDefaultInstance()))
          .build();

  private final String url;
  private final List<String> outputs;

  @GuardedBy("this")
  private @Nullable ManagedChannel channel;

  @GuardedBy("this")
  private @Nullable ClientCallStreamObserver<List<String>> call;

  @GuardedBy("this")
  private @Nullable CompletableFuture<Optional<TestStreamPayload.Event>> asked;

  @GuardedBy("this")
  private @Nullable Throwable failure;

  @GuardedBy("this")
  private boolean ended;

  /**
   * A client that has not connected yet.
   *
   * @param url where the service is
   * @param outputs local names of the TestStream's outputs
   */
  public TestStreamClient(String url, Collection<String> outputs) {
    this.url = url;
    this.outputs = List.copyOf(outputs);
  }

  /**
   * Asks for the next event; the one before has been answered.
   *
   * @return completes with nothing when there are no more; with {@link IllegalStateException} if
   *     the service fails
   */
  public synchronized CompletableFuture<Optional<TestStreamPayload.Event>> next() {
    if (failure != null) {
      return CompletableFuture.failedFuture(failure);
    }
    if (ended) {
      return CompletableFuture.completedFuture(Optional.empty());
    }
    CompletableFuture<Optional<TestStreamPayload.Event>> answer = new CompletableFuture<>();
    asked = answer;
    if (channel == null) {
      open();
    } else if (call != null) {
      call.request(1);
    }
    return answer;
  }

  @GuardedBy("this")
  private void open() {
    ManagedChannel opened =
        ManagedChannelBuilder.forTarget(url)
            .usePlaintext()
            .keepAliveTime(UNCHECKED.toMinutes(), TimeUnit.MINUTES)
            .build();
    channel = opened;
    ClientCalls.asyncServerStreamingCall(
        opened.newCall(EVENTS, CallOptions.DEFAULT), outputs, new Events());
  }

  private static final class OutputIds implements MethodDescriptor.Marshaller<List<String>> {
    @Override
    public InputStream stream(List<String> ids) {
      UnknownFieldSet.Field.Builder field = UnknownFieldSet.Field.newBuilder();
      ids.forEach(id -> field.addLengthDelimited(ByteString.copyFromUtf8(id)));
      return UnknownFieldSet.newBuilder()
          .addField(OUTPUT_IDS, field.build())
          .build()
          .toByteString()
          .newInput();
    }

    @Override
    public List<String> parse(InputStream request) {
      throw new UnsupportedOperationException("only sent, never received");
    }
  }

  private final class Events
      implements ClientResponseObserver<List<String>, TestStreamPayload.Event> {
    @Override
    public void beforeStart(ClientCallStreamObserver<List<String>> stream) {
      stream.disableAutoRequestWithInitial(1);
      synchronized (TestStreamClient.this) {
        call = stream;
      }
    }

    @Override
    public void onNext(TestStreamPayload.Event event) {
      CompletableFuture<Optional<TestStreamPayload.Event>> answer = take();
      if (answer != null) {
        answer.complete(Optional.of(event));
      }
    }

    @Override
    public void onError(Throwable error) {
      Throwable named =
          new IllegalStateException(
              "the TestStreamService at %s failed: %s".formatted(url, Status.fromThrowable(error)),
              error);
      synchronized (TestStreamClient.this) {
        failure = named;
      }
      CompletableFuture<Optional<TestStreamPayload.Event>> answer = take();
      if (answer != null) {
        answer.completeExceptionally(named);
      }
    }

    @Override
    public void onCompleted() {
      synchronized (TestStreamClient.this) {
        ended = true;
      }
      CompletableFuture<Optional<TestStreamPayload.Event>> answer = take();
      if (answer != null) {
        answer.complete(Optional.empty());
      }
    }
  }

  private synchronized @Nullable CompletableFuture<Optional<TestStreamPayload.Event>> take() {
    CompletableFuture<Optional<TestStreamPayload.Event>> answer = asked;
    asked = null;
    return answer;
  }

  @Override
  public synchronized void close() {
    if (channel != null) {
      channel.shutdownNow();
    }
  }
}
