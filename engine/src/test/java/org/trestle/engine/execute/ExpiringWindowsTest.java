package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingSdk.numberOf;
import static org.trestle.engine.execute.TestingSdk.pair;
import static org.trestle.engine.execute.TestingSdk.string;
import static org.trestle.engine.execute.TestingService.newPipeline;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.proto.Urns.UserState;

/** Jobs with a callback at the end of each window. */
class ExpiringWindowsTest {
  @TempDir Path folder;
  private TestingService service;

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  private static Pipeline pipeline(IsBounded.Enum bounded) {
    TimerFamilySpec eventTime =
        TimerFamilySpec.newBuilder()
            .setTimeDomain(TimeDomain.Enum.EVENT_TIME)
            .setTimerFamilyCoderId("custom")
            .build();
    return newPipeline()
        .impulse("start")
        .parDo("make", "start", "kv")
        .parDo(
            "keep",
            "make",
            "kv",
            "py",
            payload ->
                payload
                    .putStateSpecs(
                        "seen",
                        StateSpec.newBuilder()
                            .setBagSpec(BagStateSpec.newBuilder().setElementCoderId("varint"))
                            .setProtocol(FunctionSpec.newBuilder().setUrn(UserState.BAG))
                            .build())
                    .putTimerFamilySpecs("user", eventTime)
                    .putTimerFamilySpecs("end", eventTime)
                    .setOnWindowExpirationTimerFamilySpec("end"))
        .reshuffle("apart", "keep", "kv")
        .parDo("collect", "apart", "kv")
        .edit(
            pipeline -> {
              var components = pipeline.getComponentsBuilder();
              components.putPcollections(
                  "make",
                  components.getPcollectionsOrThrow("make").toBuilder()
                      .setIsBounded(bounded)
                      .build());
            })
        .build();
  }

  /** Keeps numbers in a bag, and writes their sum when the window expires. */
  private static TestingSdk keeping(TestingSdk sdk, ConcurrentLinkedQueue<String> fired) {
    return sdk.on(
            "keep",
            element -> {
              ByteString key = string(numberOf(element.value()).key());
              element
                  .bundle()
                  .append(element.bag("seen", key), element.value().substring(key.size()));
              element.setTimer("user", key, EventTime.GLOBAL_WINDOW_MAX);
            })
        .onTimer(
            "keep",
            (element, family) -> {
              String key = element.value().substring(1).toString(StandardCharsets.UTF_8);
              fired.add(key + " " + family);
              if (family.equals("end")) {
                long sum = 0;
                ByteString bag = element.bundle().get(element.bag("seen", element.value()));
                for (var input = bag.newCodedInput(); !input.isAtEnd(); ) {
                  sum += input.readRawVarint64();
                }
                element.emit(pair(key, sum));
              }
            });
  }

  @Test
  void callsBackOnceForEachKeyAfterTheUsersTimers() throws Exception {
    Counts counts = new Counts();
    ConcurrentLinkedQueue<String> fired = new ConcurrentLinkedQueue<>();
    service.harnesses(keeping(counts.sdk(), fired));

    service.run(pipeline(IsBounded.Enum.BOUNDED));

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    assertThat(fired.stream().filter(name -> name.startsWith("a")))
        .containsExactly("a user", "a end");
    assertThat(fired.stream().filter(name -> name.startsWith("b")))
        .containsExactly("b user", "b end");
  }

  @Test
  void inputWithoutEndIsTheSameWhenItEnds() throws Exception {
    Counts counts = new Counts();
    service.harnesses(keeping(counts.sdk(), new ConcurrentLinkedQueue<>()));

    service.run(pipeline(IsBounded.Enum.UNBOUNDED));

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
  }

  @Test
  void aBundleThatIsTriedAgainCallsBackAsIfItHadNeverFailed() throws Exception {
    Counts counts = new Counts();
    AtomicInteger attempts = new AtomicInteger();
    TestingSdk sdk = keeping(counts.sdk(), new ConcurrentLinkedQueue<>());
    service.harnesses(
        bundle -> {
          boolean keeps = bundle.descriptor().containsTransforms("keep");
          // The first attempts of the elements and of the timers.
          if (keeps && List.of(1, 3).contains(attempts.incrementAndGet())) {
            throw new IllegalStateException("once");
          }
          sdk.run(bundle);
        });

    service.run(pipeline(IsBounded.Enum.UNBOUNDED));

    assertThat(attempts).hasValueGreaterThanOrEqualTo(4);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
  }
}
