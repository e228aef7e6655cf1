package org.trestle.fn.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.server.TestingRunner.OUT;
import static org.trestle.fn.server.TestingRunner.await;
import static org.trestle.fn.server.TestingRunner.request;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnDataGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnLoggingGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.server.TestingRunner.Pair;

/** Harnesses of two jobs on one server: neither reaches what belongs to the other. */
class TenancyTest {
  private static final Metadata.Key<String> WORKER_ID =
      Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER);

  private TestingRunner runner;

  @BeforeEach
  void start() throws Exception {
    runner = new TestingRunner();
  }

  @AfterEach
  void close() {
    runner.close();
  }

  private WorkerSpec job(String name, BlockingQueue<LogEntry> logs) {
    return new WorkerSpec(
        name,
        "env",
        Struct.getDefaultInstance(),
        List.of(artifactOf(name)),
        artifact -> {
          if (artifact.equals(artifactOf(name))) {
            return new ByteArrayInputStream(name.getBytes(StandardCharsets.UTF_8));
          }
          throw new IOException("'" + artifact.getTypeUrn() + "' was not staged");
        },
        id ->
            id.equals("stage of " + name)
                ? ProcessBundleDescriptor.newBuilder().setId(id).build()
                : runner.descriptors.get(id),
        (workerId, entry) -> logs.add(entry));
  }

  private static ArtifactInformation artifactOf(String job) {
    return ArtifactInformation.newBuilder().setTypeUrn("artifact of " + job).build();
  }

  /** All methods that harnesses may call. */
  static Stream<MethodDescriptor<?, ?>> methods() {
    return Stream.of(
            BeamFnControlGrpc.getServiceDescriptor(),
            BeamFnDataGrpc.getServiceDescriptor(),
            BeamFnStateGrpc.getServiceDescriptor(),
            BeamFnLoggingGrpc.getServiceDescriptor(),
            ProvisionServiceGrpc.getServiceDescriptor(),
            ArtifactRetrievalServiceGrpc.getServiceDescriptor())
        .map(ServiceDescriptor::getMethods)
        .flatMap(methods -> methods.stream());
  }

  @ParameterizedTest
  @MethodSource("methods")
  void everyServiceRefusesCallersItDoesNotKnow(MethodDescriptor<Message, Message> method)
      throws Exception {
    Pair known = runner.connect(TestingHarness.echo());
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(runner.server.endpoint().getUrl()).usePlaintext().build();
    try {
      assertThat(refusalOf(channel, method).getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
      String almost = known.worker().id().substring(1);
      Metadata headers = new Metadata();
      headers.put(WORKER_ID, almost);
      assertThat(
              refusalOf(
                      ClientInterceptors.intercept(
                          channel, MetadataUtils.newAttachHeadersInterceptor(headers)),
                      method)
                  .getCode())
          .isEqualTo(Status.Code.PERMISSION_DENIED);
    } finally {
      channel.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
    }
    assertThat(known.run("a")).isEqualTo("a");
  }

  /** Calls with an empty request and returns how the call ended. */
  private static Status refusalOf(Channel channel, MethodDescriptor<Message, Message> method)
      throws Exception {
    CompletableFuture<Status> end = new CompletableFuture<>();
    StreamObserver<Message> responses =
        new StreamObserver<>() {
          @Override
          public void onNext(Message response) {
            end.completeExceptionally(new AssertionError("was answered: " + response));
          }

          @Override
          public void onError(Throwable failure) {
            end.complete(Status.fromThrowable(failure));
          }

          @Override
          public void onCompleted() {
            end.complete(Status.OK);
          }
        };
    var call = channel.newCall(method, CallOptions.DEFAULT);
    if (method.getType().clientSendsOneMessage()) {
      var prototype = (MethodDescriptor.PrototypeMarshaller<Message>) method.getRequestMarshaller();
      Message request = Objects.requireNonNull(prototype.getMessagePrototype());
      ClientCalls.asyncServerStreamingCall(call, request, responses);
    } else {
      var unused = ClientCalls.asyncBidiStreamingCall(call, responses);
    }
    return await(end);
  }

  @Test
  void harnessGetsArtifactsAndStagesOfItsJobAlone() throws Exception {
    BlockingQueue<LogEntry> logsOfOne = new LinkedBlockingQueue<>();
    BlockingQueue<LogEntry> logsOfOther = new LinkedBlockingQueue<>();
    TestingHarness one = runner.connect(job("one", logsOfOne), TestingHarness.echo()).harness();
    TestingHarness other =
        runner.connect(job("other", logsOfOther), TestingHarness.echo()).harness();

    assertThat(one.artifact(artifactOf("one"))).asString().isEqualTo("one");
    assertThatThrownBy(() -> one.artifact(artifactOf("other"))).hasMessageContaining("NOT_FOUND");
    assertThat(one.descriptor("stage of one").getId()).isEqualTo("stage of one");
    assertThatThrownBy(() -> one.descriptor("stage of other")).hasMessageContaining("NOT_FOUND");
    assertThat(one.provision().getMetadataMap()).containsEntry("job_id", "one");
    LogEntry entry = LogEntry.newBuilder().setMessage("from the other").build();
    other.log(entry);
    assertThat(logsOfOther).containsExactly(entry);
    assertThat(logsOfOne).isEmpty();
  }

  @Test
  void bundleOfAnotherHarnessGivesNoStateAndTakesNoData() throws Exception {
    CompletableFuture<String> instruction = new CompletableFuture<>();
    CountDownLatch attacked = new CountDownLatch(1);
    Pair victim =
        runner.connect(
            job("victim", runner.logs),
            bundle -> {
              instruction.complete(bundle.instructionId());
              assertThat(attacked.await(30, TimeUnit.SECONDS)).isTrue();
              TestingHarness.echo().run(bundle);
            });
    TestingReceiver receiver = new TestingReceiver();
    var running = victim.worker().process(request("mine"), receiver);
    String id = await(instruction);

    TestingHarness thief =
        runner.connect(job("thief", runner.logs), TestingHarness.echo()).harness();
    String answer = thief.state(StateRequest.newBuilder().setInstructionId(id)).getError();
    thief.send(
        Elements.newBuilder()
            .addData(
                Elements.Data.newBuilder()
                    .setInstructionId(id)
                    .setTransformId(OUT)
                    .setData(ByteString.copyFromUtf8("not mine"))
                    .setIsLast(true))
            .build());
    while (runner.server.counts().droppedBlocks() == 0) {
      Thread.onSpinWait();
    }
    attacked.countDown();
    var unused = await(running.done());

    assertThat(answer).contains("no bundle with this instruction id is running");
    assertThat(receiver.text(OUT)).isEqualTo("mine");
  }
}
