package org.trestle.engine.execute;

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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.fuse.TestStream;

/**
 * A TestStream whose events a {@code TestStreamService} gives out, one for each time it is asked.
 * Safe for use by several threads.
 *
 * <p>How long the service takes for an event is its own affair, as it may be a live one: there is
 * no deadline, a lost connection ends the job.
 */
final class ServedTestStream implements TestStreamSource {
  /** {@code EventsRequest.output_ids}: local names of the outputs to read. */
  private static final int OUTPUT_IDS = 1;

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

  private final TestStream stream;
  private final TestStreamEvents events;
  private final String url;

  @GuardedBy("this")
  private @Nullable ManagedChannel channel;

  @GuardedBy("this")
  private @Nullable ClientCallStreamObserver<List<String>> call;

  @GuardedBy("this")
  private @Nullable CompletableFuture<Optional<TestStreamEvent>> asked;

  @GuardedBy("this")
  private @Nullable Throwable failure;

  @GuardedBy("this")
  private boolean ended;

  ServedTestStream(TestStream stream, TestStreamEvents events) {
    this.stream = stream;
    this.events = events;
    this.url = stream.payload().getEndpoint().getUrl();
  }

  /** What events will come is not known. */
  @Override
  public boolean movesClock() {
    return true;
  }

  @Override
  public synchronized CompletableFuture<Optional<TestStreamEvent>> next() {
    if (failure != null) {
      return CompletableFuture.failedFuture(failure);
    }
    if (ended) {
      return CompletableFuture.completedFuture(Optional.empty());
    }
    CompletableFuture<Optional<TestStreamEvent>> answer = new CompletableFuture<>();
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
    ManagedChannel opened = ManagedChannelBuilder.forTarget(url).usePlaintext().build();
    channel = opened;
    ClientCalls.asyncServerStreamingCall(
        opened.newCall(EVENTS, CallOptions.DEFAULT),
        List.copyOf(stream.outputs().keySet()),
        new Events());
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
      synchronized (ServedTestStream.this) {
        call = stream;
      }
    }

    @Override
    public void onNext(TestStreamPayload.Event event) {
      CompletableFuture<Optional<TestStreamEvent>> answer = take();
      if (answer != null) {
        try {
          answer.complete(Optional.of(events.of(event)));
        } catch (RuntimeException e) {
          answer.completeExceptionally(e);
        }
      }
    }

    @Override
    public void onError(Throwable error) {
      Throwable named =
          new IllegalStateException(
              "TestStream \"%s\": the service at %s that gives out its events failed: %s"
                  .formatted(stream.name(), url, Status.fromThrowable(error)),
              error);
      synchronized (ServedTestStream.this) {
        failure = named;
      }
      CompletableFuture<Optional<TestStreamEvent>> answer = take();
      if (answer != null) {
        answer.completeExceptionally(named);
      }
    }

    @Override
    public void onCompleted() {
      synchronized (ServedTestStream.this) {
        ended = true;
      }
      CompletableFuture<Optional<TestStreamEvent>> answer = take();
      if (answer != null) {
        answer.complete(Optional.empty());
      }
    }
  }

  private synchronized @Nullable CompletableFuture<Optional<TestStreamEvent>> take() {
    CompletableFuture<Optional<TestStreamEvent>> answer = asked;
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
