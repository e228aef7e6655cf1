package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingService.newPipeline;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.ClosingBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.OnTimeBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload.Event;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.FixedWindowsPayload;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.graph.TestingPipeline;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.proto.Urns.Transforms;
import org.trestle.proto.Urns.WindowFns;

/** Streaming jobs whose elements wait for windows of side inputs. */
class StreamingSideInputsTest {
  private static final long SIZE = 10;

  @TempDir Path folder;
  private TestingService service;
  private final List<String> log = new CopyOnWriteArrayList<>();

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  // ---- what happens ----

  private static Event elements(String tag, long timestamp, String... values) {
    Event.AddElements.Builder added = Event.AddElements.newBuilder().setTag(tag);
    for (String value : values) {
      added
          .addElementsBuilder()
          .setEncodedElement(ByteString.copyFromUtf8(value))
          .setTimestamp(timestamp);
    }
    return Event.newBuilder().setElementEvent(added).build();
  }

  private static Event watermark(String tag, long to) {
    return Event.newBuilder()
        .setWatermarkEvent(Event.AdvanceWatermark.newBuilder().setTag(tag).setNewWatermark(to))
        .build();
  }

  private static TestingPipeline pipeline(List<Event> events) {
    ByteString fixed =
        FixedWindowsPayload.newBuilder()
            .setSize(Duration.newBuilder().setNanos((int) SIZE * 1_000_000))
            .build()
            .toByteString();
    TestStreamPayload stream =
        TestStreamPayload.newBuilder().setCoderId("string").addAllEvents(events).build();
    return newPipeline()
        .windowing("fixed", WindowFns.FIXED, "interval", Trigger.getDefaultInstance())
        .edit(
            pipeline -> {
              var components = pipeline.getComponentsBuilder();
              components.putWindowingStrategies(
                  "fixed",
                  components.getWindowingStrategiesOrThrow("fixed").toBuilder()
                      .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                      .setWindowFn(
                          FunctionSpec.newBuilder().setUrn(WindowFns.FIXED).setPayload(fixed))
                      .build());
            })
        .pcollection("main", "string")
        .pcollection("facts", "string")
        .transform(
            "events",
            TestingPipeline.spec(Transforms.TEST_STREAM, stream.toByteString())
                .putOutputs("main", "main")
                .putOutputs("facts", "facts"))
        .parDo("windowedMain", "main", "string")
        .parDo("windowedFacts", "facts", "string")
        .parDoWithSides("join", "windowedMain", "string", List.of("windowedFacts"));
  }

  private static Pipeline inFixedWindows(TestingPipeline pipeline, String... pcollections) {
    return pipeline
        .edit(
            proto -> {
              var components = proto.getComponentsBuilder();
              for (String id : pcollections) {
                components.putPcollections(
                    id,
                    components.getPcollectionsOrThrow(id).toBuilder()
                        .setWindowingStrategyId("fixed")
                        .setIsBounded(IsBounded.Enum.UNBOUNDED)
                        .build());
              }
            })
        .build();
  }

  private static ByteKey window(long timestamp) {
    long start = Math.floorDiv(timestamp, SIZE) * SIZE;
    return ByteKey.wrap(IntervalWindows.encode(start, start + SIZE));
  }

  private static List<String> strings(ByteString encoded) throws Exception {
    List<String> strings = new ArrayList<>();
    for (var input = encoded.newCodedInput(); !input.isAtEnd(); ) {
      strings.add(input.readString());
    }
    return strings;
  }

  private TestingSdk sdk() {
    return new TestingSdk()
        .on("windowedMain", element -> element.emit(element.value(), window(element.timestamp())))
        .on(
            "windowedFacts",
            element -> {
              log.add("fact " + strings(element.value()).get(0));
              element.emit(element.value(), window(element.timestamp()));
            })
        .on(
            "join",
            element ->
                log.add(
                    strings(element.value()).get(0)
                        + strings(element.sideInput("side0", window(element.timestamp())))));
  }

  @Test
  void elementsWaitTillTheirWindowOfTheSideInputIsComplete() throws Exception {
    service.harnesses(sdk());

    service.run(
        inFixedWindows(
            pipeline(
                List.of(
                    elements("main", 5, "a"),
                    elements("main", 15, "b"),
                    elements("main", 25, "c"),
                    elements("facts", 3, "x"),
                    elements("facts", 12, "y"),
                    watermark("facts", 10),
                    elements("facts", 19, "z"),
                    watermark("main", EventTime.MAX),
                    watermark("facts", 30),
                    watermark("facts", EventTime.MAX))),
            "windowedMain",
            "windowedFacts",
            "join"));

    assertThat(log)
        .startsWith("fact x", "fact y", "a[x]", "fact z")
        .containsExactlyInAnyOrder("fact x", "fact y", "a[x]", "fact z", "b[y, z]", "c[]");
  }

  @Test
  void aGlobalSideInputIsReadWhenItHasEnded() throws Exception {
    service.harnesses(
        sdk()
            .on("windowedFacts", element -> element.emit(element.value()))
            .on(
                "join",
                element ->
                    log.add(
                        strings(element.value()).get(0)
                            + strings(element.sideInput("side0", ByteKey.empty())))));

    service.run(
        inFixedWindows(
            pipeline(
                List.of(
                    elements("main", 5, "a"),
                    elements("facts", 3, "x"),
                    watermark("facts", 1000),
                    elements("facts", 2000, "y"),
                    watermark("main", EventTime.MAX),
                    watermark("facts", EventTime.MAX))),
            "windowedMain",
            "join"));

    assertThat(log).containsExactly("a[x, y]");
  }

  /** Windows twice as long, which only the SDK knows of. */
  private static ByteKey longWindow(long timestamp) {
    long start = Math.floorDiv(timestamp, 2 * SIZE) * 2 * SIZE;
    return ByteKey.wrap(IntervalWindows.encode(start, start + 2 * SIZE));
  }

  private static Pipeline withUnknownWindowFn(TestingPipeline pipeline) {
    return inFixedWindows(
        pipeline
            .windowing("long", "test:window_fn:long", "interval", Trigger.getDefaultInstance())
            .edit(
                proto -> {
                  var components = proto.getComponentsBuilder();
                  components.putWindowingStrategies(
                      "long",
                      components.getWindowingStrategiesOrThrow("long").toBuilder()
                          .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                          .setEnvironmentId("py")
                          .build());
                  components.putPcollections(
                      "windowedFacts",
                      components.getPcollectionsOrThrow("windowedFacts").toBuilder()
                          .setWindowingStrategyId("long")
                          .build());
                }),
        "windowedMain",
        "join");
  }

  private TestingSdk sdkWithLongWindows() {
    return sdk()
        .on(
            "windowedFacts",
            element -> element.emit(element.value(), longWindow(element.timestamp())))
        .on(
            "join",
            element ->
                log.add(
                    strings(element.value()).get(0)
                        + strings(element.sideInput("side0", longWindow(element.timestamp())))));
  }

  private static final List<Event> LONG_EVENTS =
      List.of(
          elements("main", 5, "a"),
          elements("main", 25, "b"),
          elements("facts", 3, "x"),
          watermark("facts", 10),
          elements("facts", 12, "y"),
          watermark("facts", 20),
          elements("facts", 33, "z"),
          watermark("main", EventTime.MAX),
          watermark("facts", EventTime.MAX));

  @Test
  void theSdkMapsWindowsThatOnlyItKnows() throws Exception {
    service.harnesses(
        sdkWithLongWindows()
            .on(
                "windows_fn",
                element -> {
                  ByteString value = element.value();
                  int nonce = 1 + value.byteAt(0);
                  byte[] window = value.substring(nonce).toByteArray();
                  long start = IntervalWindows.start(window, 0, window.length);
                  element.emit(
                      value
                          .substring(0, nonce)
                          .concat(ByteString.copyFrom(longWindow(start).bytes())));
                }));

    service.run(withUnknownWindowFn(pipeline(LONG_EVENTS)));

    assertThat(log).containsExactly("a[x, y]", "b[z]");
  }

  @Test
  void aMappingFnThatFailsFailsTheJob() throws Exception {
    service.harnesses(
        sdkWithLongWindows()
            .on(
                "windows_fn",
                element -> {
                  throw new IllegalStateException("no such window");
                }));

    String error = service.runFailing(withUnknownWindowFn(pipeline(LONG_EVENTS)));

    assertThat(error)
        .contains("window mapping fn of side input \"side0\" of transform \"join\"", "map windows");
  }

  private static Pipeline withTriggeredFacts(AccumulationMode.Enum mode, List<Event> events) {
    Trigger each =
        Trigger.newBuilder()
            .setRepeat(
                Trigger.Repeat.newBuilder()
                    .setSubtrigger(
                        Trigger.newBuilder()
                            .setElementCount(Trigger.ElementCount.newBuilder().setElementCount(1))))
            .build();
    return inFixedWindows(
        pipeline(events)
            .windowing("each", WindowFns.GLOBAL, "global", each)
            .edit(
                proto -> {
                  var components = proto.getComponentsBuilder();
                  components.putWindowingStrategies(
                      "each",
                      components.getWindowingStrategiesOrThrow("each").toBuilder()
                          .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                          .setAccumulationMode(mode)
                          .setClosingBehavior(ClosingBehavior.Enum.EMIT_IF_NONEMPTY)
                          .setOnTimeBehavior(OnTimeBehavior.Enum.FIRE_IF_NONEMPTY)
                          .build());
                  components.putPcollections(
                      "windowedFacts",
                      components.getPcollectionsOrThrow("windowedFacts").toBuilder()
                          .setWindowingStrategyId("each")
                          .build());
                }),
        "windowedMain",
        "join");
  }

  private TestingSdk sdkWithGlobalFacts() {
    return sdk()
        .on("windowedFacts", element -> element.emit(element.value()))
        .on(
            "join",
            element ->
                log.add(
                    strings(element.value()).get(0)
                        + strings(element.sideInput("side0", ByteKey.empty()))));
  }

  private static final List<Event> UPDATES =
      List.of(
          elements("main", 5, "a"),
          elements("facts", 3, "x"),
          elements("main", 15, "b"),
          elements("facts", 12, "y"),
          elements("main", 25, "c"),
          elements("facts", 19, "z"),
          elements("main", 2, "d"),
          watermark("main", EventTime.MAX),
          watermark("facts", EventTime.MAX));

  @Test
  void eachPaneReplacesWhatWasReadBefore() throws Exception {
    service.harnesses(sdkWithGlobalFacts());

    service.run(withTriggeredFacts(AccumulationMode.Enum.DISCARDING, UPDATES));

    assertThat(log).containsExactly("a[x]", "b[x]", "c[y]", "d[z]");
  }

  @Test
  void panesMayHoldAllThatCameBefore() throws Exception {
    service.harnesses(sdkWithGlobalFacts());

    service.run(withTriggeredFacts(AccumulationMode.Enum.ACCUMULATING, UPDATES));

    assertThat(log).containsExactly("a[x]", "b[x]", "c[x, y]", "d[x, y, z]");
  }

  @Test
  void withoutPanesTheEndOfTheSideInputIsWaitedFor() throws Exception {
    service.harnesses(sdkWithGlobalFacts());

    service.run(
        withTriggeredFacts(
            AccumulationMode.Enum.DISCARDING,
            List.of(
                elements("main", 5, "a"),
                watermark("facts", 1_000_000),
                watermark("main", EventTime.MAX),
                watermark("facts", EventTime.MAX))));

    assertThat(log).containsExactly("a[]");
  }
}
