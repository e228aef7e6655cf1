package org.trestle.fn.teststream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class TestStreamClientTest {
  private static final String SERVICE = "org.apache.beam.model.interactive.v1.TestStreamService";

  private final LinkedBlockingQueue<StreamObserver<TestStreamPayload.Event>> calls =
      new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<List<ByteString>> requests = new LinkedBlockingQueue<>();
  private Server server;

  @BeforeEach
  void serve() throws IOException {
    MethodDescriptor<List<ByteString>, TestStreamPayload.Event> events =
        MethodDescriptor.<List<ByteString>, TestStreamPayload.Event>newBuilder()
            .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
            .setFullMethodName(SERVICE + "/Events")
            .setRequestMarshaller(new FirstField())
            .setResponseMarshaller(
                ProtoUtils.marshaller(TestStreamPayload.Event.getDefaultInstance()))
            .build();
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(
                ServerServiceDefinition.builder(SERVICE)
                    .addMethod(
                        events,
                        ServerCalls.asyncServerStreamingCall(
                            (request, response) -> {
                              requests.add(request);
                              calls.add(response);
                            }))
                    .build())
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    server.shutdownNow();
  }

  /** Reads the byte strings of field 1. */
  private static final class FirstField implements MethodDescriptor.Marshaller<List<ByteString>> {
    @Override
    public InputStream stream(List<ByteString> value) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<ByteString> parse(InputStream stream) {
      try {
        return UnknownFieldSet.parseFrom(stream).getField(1).getLengthDelimitedList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private TestStreamClient client() {
    return new TestStreamClient("127.0.0.1:" + server.getPort(), List.of("left", "right"));
  }

  private static TestStreamPayload.Event watermark(long time) {
    TestStreamPayload.Event.Builder event = TestStreamPayload.Event.newBuilder();
    event.getWatermarkEventBuilder().setNewWatermark(time);
    return event.build();
  }

  private static Optional<TestStreamPayload.Event> get(
      CompletableFuture<Optional<TestStreamPayload.Event>> answer) throws Exception {
    return answer.get(20, TimeUnit.SECONDS);
  }

  @Test
  void givesOneEventForEachQuestionAndThenTheEnd() throws Exception {
    try (TestStreamClient client = client()) {
      CompletableFuture<Optional<TestStreamPayload.Event>> first = client.next();
      StreamObserver<TestStreamPayload.Event> call = calls.poll(20, TimeUnit.SECONDS);
      assertThat(requests.remove())
          .containsExactly(ByteString.copyFromUtf8("left"), ByteString.copyFromUtf8("right"));
      call.onNext(watermark(1));
      call.onNext(watermark(2));
      call.onCompleted();

      assertThat(get(first)).contains(watermark(1));
      assertThat(get(client.next())).contains(watermark(2));
      assertThat(get(client.next())).isEmpty();
      assertThat(get(client.next())).isEmpty();
    }
  }

  @Test
  void tellsWhichServiceFailed() throws Exception {
    try (TestStreamClient client = client()) {
      CompletableFuture<Optional<TestStreamPayload.Event>> first = client.next();
      calls
          .poll(20, TimeUnit.SECONDS)
          .onError(Status.DATA_LOSS.withDescription("the cache is gone").asRuntimeException());

      assertThatThrownBy(() -> get(first)).rootCause().hasMessageContaining("the cache is gone");
      assertThatThrownBy(() -> get(first))
          .cause()
          .hasMessageContaining("TestStreamService at 127.0.0.1:" + server.getPort());
      assertThat(client.next()).isCompletedExceptionally();
    }
  }
}
