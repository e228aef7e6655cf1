package org.trestle.engine.execute.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.execute.merge.TestingMergeWorker.window;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.VarInts;

class SdkWindowMapperTest {
  private static final FunctionSpec FUNCTION =
      FunctionSpec.newBuilder()
          .setUrn("test:window_mapping_fn")
          .setPayload(ByteString.copyFromUtf8("fn"))
          .build();
  private static final ByteKey A = window(1);
  private static final ByteKey B = window(2, 2);

  private final List<ProcessBundleDescriptor> registered = new ArrayList<>();

  private static Coder coder(String urn, String... components) {
    return Coder.newBuilder()
        .setSpec(FunctionSpec.newBuilder().setUrn(urn))
        .addAllComponentCoderIds(List.of(components))
        .build();
  }

  private SdkWindowMapper mapper(UnaryOperator<ByteSink> output) {
    Components components =
        Components.newBuilder()
            .putCoders("bytes", coder("beam:coder:bytes:v1"))
            .putCoders("main", coder("beam:coder:custom_window:v1", "bytes"))
            .putCoders("side", coder("beam:coder:interval_window:v1"))
            .putEnvironments("python", Environment.getDefaultInstance())
            .build();
    return new SdkWindowMapper(
        components,
        new SdkWindowMapper.Mapping("mapping", "side input s", FUNCTION, "main", "main", "python"),
        ApiServiceDescriptor.newBuilder().setUrl("localhost:1").build(),
        registered::add,
        () -> new Worker(output),
        Duration.ofSeconds(60));
  }

  @Test
  void asksForAllWindowsInOneBundle() throws Exception {
    SdkWindowMapper mapper =
        mapper(
            sink -> {
              answer(sink, 1, A);
              return answer(sink, 0, B);
            });

    assertThat(mapper.map(List.of(A, B))).containsExactly(B, A);
    assertThat(mapper.map(List.of())).isEmpty();
    PTransform map = registered.get(0).getTransformsOrThrow("windows_fn");
    assertThat(map.getSpec().getUrn()).isEqualTo("beam:transform:map_windows:v1");
    assertThat(FunctionSpec.parseFrom(map.getSpec().getPayload())).isEqualTo(FUNCTION);
    assertThat(map.getEnvironmentId()).isEqualTo("python");
  }

  @Test
  void refusesAnswersThatAreMissingOrUnasked() {
    assertThatThrownBy(() -> mapper(sink -> answer(sink, 1, A)).map(List.of(A, B)))
        .isInstanceOf(WindowMergeException.class)
        .hasMessageContaining("window mapping fn of side input s")
        .hasMessageContaining("no answer to window 0");
    assertThatThrownBy(() -> mapper(sink -> answer(sink, 7, A)).map(List.of(A)))
        .isInstanceOf(WindowMergeException.class)
        .hasMessageContaining("unknown window 7");
    assertThatThrownBy(() -> mapper(sink -> answer(answer(sink, 0, A), 0, A)).map(List.of(A)))
        .isInstanceOf(WindowMergeException.class)
        .hasMessageContaining("second one");
  }

  /** Writes an element by hand: time, one global window, pane, nonce, window. */
  private static ByteSink answer(ByteSink sink, int index, ByteKey window) {
    sink.putLong(0).putInt(1).putByte(0x0F);
    return sink.putVarInt(VarInts.length(index)).putVarInt(index).put(window.bytes());
  }

  private record Worker(UnaryOperator<ByteSink> output) implements SdkWorker {
    @Override
    public String id() {
      return "worker";
    }

    @Override
    public RunningBundle process(BundleRequest request, BundleReceiver receiver) {
      TestingMergeWorker bundles = TestingMergeWorker.hanging();
      RunningBundle bundle = bundles.process(request, receiver);
      try {
        receiver.elements(WindowProgram.SINK, output.apply(new ByteSink()).toByteString());
        bundles.done.complete(ProcessBundleResponse.getDefaultInstance());
      } catch (RuntimeException e) {
        bundles.done.completeExceptionally(e);
      }
      return bundle;
    }

    @Override
    public CompletableFuture<InstructionResponse> instruct(InstructionRequest.Builder request) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> logsArrived() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<String> lost() {
      return new CompletableFuture<>();
    }
  }
}
