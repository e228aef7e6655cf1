package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.shuffle.TestingElements.BYTES;
import static org.trestle.engine.shuffle.TestingElements.INTERVALS;
import static org.trestle.engine.shuffle.TestingElements.interval;
import static org.trestle.engine.shuffle.TestingElements.prefixed;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.fuse.SdkStage;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.state.GroupPages;
import org.trestle.engine.state.UserState;
import org.trestle.fn.control.BundleRequest.Elements;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.control.BundleRequest.Timers;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.TimerWriter;

/** Bundles of a stateful stage whose windows expire: ten long, with a lateness of five. */
class StatefulBundleTest {
  private static final int GROUPS = 4;
  private static final long LATENESS = 5;
  private static final ByteKey FIRST = interval(0, 10);
  private static final ByteKey SECOND = interval(10, 20);
  private static final TimerEndpoint USER = new TimerEndpoint("keep", "flush");
  private static final TimerEndpoint CLOCK = new TimerEndpoint("keep", "clock");
  private static final TimerEndpoint END = new TimerEndpoint("keep", "end");

  private final MemoryBudget budget = new MemoryBudget(1 << 20);
  private final BlockStore blocks = new BlockStore(budget, TestingElements.files());
  private final UserState state =
      new UserState((transform, name) -> null, budget, TestingElements.files(), 1 << 10);
  private final StageOutput input =
      new StageOutput(
          new EdgeTarget(new EdgeId("in"), TestingElements.keyedIntervals(), 1, 0, GROUPS), blocks);
  private final SdkStageRuntime stage = stage(true);
  private long bundles;

  @AfterEach
  void holdsNothingInTheEnd() {
    blocks.close();
    state.close();
    assertThat(budget.reserved()).isZero();
  }

  private SdkStageRuntime stage(boolean clearsState) {
    SdkStage plan =
        new SdkStage(
            "stage-1",
            "keep",
            "py",
            List.of(new TransformId("keep")),
            List.of(new PCollectionId("in")),
            "source",
            new PCollectionId("in"),
            List.of(),
            List.of(),
            List.of(),
            "key",
            Map.of(),
            new SdkStage.Traits(false, false, false, false),
            ProcessBundleDescriptor.getDefaultInstance(),
            null);
    Map<TimerEndpoint, TimerFamily> timers = new LinkedHashMap<>();
    timers.put(USER, family("keep/flush", TimeDomain.EVENT_TIME));
    timers.put(CLOCK, family("keep/clock", TimeDomain.PROCESSING_TIME));
    timers.put(END, family("keep/end", TimeDomain.EVENT_TIME));
    WindowExpiry expiry =
        new WindowExpiry(
            TestingElements.keyedIntervals(), LATENESS, List.of("keep/end"), clearsState, GROUPS);
    return new SdkStageRuntime(
        plan,
        input,
        Map.of(),
        Map.of(),
        timers,
        state,
        expiry,
        new GroupPages(input.blocks().groups(), GroupPages.DEFAULT_PAGE_BYTES),
        false);
  }

  private static TimerFamily family(String name, TimeDomain domain) {
    return new TimerFamily(name, domain, BYTES, INTERVALS, GROUPS);
  }

  private static ByteKey key(String key) {
    return ByteKey.wrap(prefixed(key));
  }

  private static int group(String key) {
    return KeyGroups.of(prefixed(key), 0, prefixed(key).length, GROUPS);
  }

  private static ByteString element(long time, String key, ByteKey... windows) {
    ByteSink sink = new ByteSink();
    TestingElements.write(sink, time, List.of(windows), prefixed(key), prefixed("v"));
    return sink.toByteString();
  }

  private SdkBundle bundle(long watermark, List<FiredTimer> timers, ByteString... elements) {
    EdgeWriter writer = input.newWriter();
    for (ByteString element : elements) {
      writer.append(element);
    }
    List<ElementBlock> work = writer.finish().blocks();
    return new SdkBundle(
        stage,
        new BundleWork(
            new BundleId(++bundles),
            new StageId("stage-1"),
            List.of(0, 1, 2, 3),
            work,
            timers,
            false,
            Attempts.NONE,
            watermark,
            0),
        new SdkBundle.Mode(true, false, () -> 0),
        new BundleClock());
  }

  private SdkBundle bundle(long watermark, ByteString... elements) {
    return bundle(watermark, List.of(), elements);
  }

  /** What the worker gets. */
  private static List<ByteString> sent(SdkBundle bundle) {
    List<ByteString> sent = new ArrayList<>();
    for (Iterator<Input> inputs = bundle.request().inputs(); inputs.hasNext(); ) {
      Input next = inputs.next();
      if (next instanceof Elements elements) {
        sent.addAll(
            TestingElements.elements(TestingElements.keyedIntervals(), List.of(elements.data())));
      } else if (next instanceof Timers timers) {
        sent.add(timers.data());
      }
    }
    return sent;
  }

  private static SdkBundle.Outcome finish(SdkBundle bundle) {
    return bundle.finish(ProcessBundleResponse.getDefaultInstance());
  }

  private static FiredTimer fired(
      String family, TimeDomain domain, String key, ByteKey window, long time) {
    return new FiredTimer(
        new TimerKey(family, key(key), window, ""), group(key), domain, time, time);
  }

  private static TimerUpdate.Set callback(String key, ByteKey window, long end) {
    return new TimerUpdate.Set(
        new TimerKey("keep/end", key(key), window, ""),
        group(key),
        TimeDomain.EVENT_TIME,
        end + LATENESS,
        end);
  }

  private static TimerUpdate.Set cleanup(String key, ByteKey window, long end) {
    return new TimerUpdate.Set(
        new TimerKey("\uffff", key(key), window, ""),
        group(key),
        TimeDomain.EVENT_TIME,
        end + LATENESS + 1,
        EventTime.MAX);
  }

  @Test
  void setsTimersForEachKeyAndWindowOnce() {
    SdkBundle bundle =
        bundle(
            EventTime.MIN,
            element(1, "a", FIRST),
            element(2, "a", FIRST),
            element(3, "b", FIRST, SECOND));

    assertThat(sent(bundle)).hasSize(3);

    assertThat(finish(bundle).result().timers())
        .containsExactlyInAnyOrder(
            callback("a", FIRST, 9),
            cleanup("a", FIRST, 9),
            callback("b", FIRST, 9),
            cleanup("b", FIRST, 9),
            callback("b", SECOND, 19),
            cleanup("b", SECOND, 19));
  }

  @Test
  void anotherAttemptSetsTheSameTimers() {
    SdkBundle failed = bundle(EventTime.MIN, element(1, "a", FIRST));
    assertThat(sent(failed)).hasSize(1);
    failed.discard();

    SdkBundle again = bundle(EventTime.MIN, element(1, "a", FIRST));
    assertThat(sent(again)).hasSize(1);

    assertThat(finish(again).result().timers())
        .containsExactlyInAnyOrder(callback("a", FIRST, 9), cleanup("a", FIRST, 9));
  }

  @Test
  void dropsElementsOfWindowsThatExpired() {
    SdkBundle bundle =
        bundle(
            15, element(1, "a", FIRST), element(12, "a", SECOND), element(3, "b", FIRST, SECOND));

    assertThat(sent(bundle)).containsExactly(element(12, "a", SECOND), element(3, "b", SECOND));

    SdkBundle.Outcome outcome = finish(bundle);
    assertThat(outcome.result().timers())
        .containsExactlyInAnyOrder(
            callback("a", SECOND, 19),
            cleanup("a", SECOND, 19),
            callback("b", SECOND, 19),
            cleanup("b", SECOND, 19));
    assertThat(outcome.metrics()).containsExactly(DroppedElements.ofState("keep", 2));
    assertThat(outcome.metrics().get(0).getLabelsMap())
        .containsEntry("PTRANSFORM", "keep")
        .containsEntry("NAME", "droppedDueToLateness");
  }

  @Test
  void anElementAtTheVeryMomentOfExpiryIsNotLate() {
    SdkBundle bundle = bundle(14, element(1, "a", FIRST));

    assertThat(sent(bundle)).containsExactly(element(1, "a", FIRST));
    assertThat(finish(bundle).metrics()).isEmpty();
  }

  @Test
  void aBundleOfLateElementsSendsNone() {
    SdkBundle bundle = bundle(100, element(1, "a", FIRST), element(2, "b", FIRST));

    assertThat(sent(bundle)).isEmpty();
    assertThat(finish(bundle).metrics()).containsExactly(DroppedElements.ofState("keep", 2));
  }

  private static StateRequest.Builder bag(String key, ByteKey window) {
    StateRequest.Builder request = StateRequest.newBuilder();
    request
        .getStateKeyBuilder()
        .getBagUserStateBuilder()
        .setTransformId("keep")
        .setUserStateId("seen")
        .setWindow(ByteString.copyFrom(window.bytes()))
        .setKey(ByteString.copyFrom(prefixed(key)));
    return request;
  }

  private void keep(String key, ByteKey window) {
    SdkBundle bundle = bundle(EventTime.MIN);
    StateRequest.Builder append = bag(key, window);
    append.getAppendBuilder().setData(ByteString.copyFromUtf8("x"));
    bundle.state(append.build());
    finish(bundle);
    bundle.commit();
  }

  private String kept(String key, ByteKey window) {
    SdkBundle bundle = bundle(EventTime.MIN);
    StateRequest.Builder get = bag(key, window);
    get.getGetBuilder();
    String data = bundle.state(get.build()).getGet().getData().toStringUtf8();
    bundle.discard();
    return data;
  }

  @Test
  void stateGoesWithTheCommitOfItsCleanup() {
    keep("a", FIRST);
    keep("a", SECOND);
    keep("b", FIRST);
    List<FiredTimer> timers = List.of(fired("\uffff", TimeDomain.EVENT_TIME, "a", FIRST, 15));

    SdkBundle failed = bundle(17, timers);
    failed.discard();
    assertThat(kept("a", FIRST)).isEqualTo("x");

    SdkBundle bundle = bundle(17, timers);
    assertThat(bundle.isForRunnerOnly()).isTrue();
    assertThat(sent(bundle)).isEmpty();
    finish(bundle);
    assertThat(kept("a", FIRST)).isEqualTo("x");
    bundle.commit();

    assertThat(kept("a", FIRST)).isEmpty();
    assertThat(kept("a", SECOND)).isEqualTo("x");
    assertThat(kept("b", FIRST)).isEqualTo("x");
  }

  @Test
  void theWorkerSeesOnlyTimersOfItsOwn() {
    SdkBundle bundle =
        bundle(
            16,
            List.of(
                fired("keep/flush", TimeDomain.EVENT_TIME, "a", FIRST, 9),
                fired("\uffff", TimeDomain.EVENT_TIME, "b", FIRST, 15),
                fired("keep/clock", TimeDomain.PROCESSING_TIME, "b", FIRST, 7),
                fired("keep/clock", TimeDomain.PROCESSING_TIME, "b", SECOND, 8)));

    assertThat(bundle.isForRunnerOnly()).isFalse();
    assertThat(sent(bundle)).containsExactly(timer("a", FIRST, 9), timer("b", SECOND, 8));
  }

  private static ByteString timer(String key, ByteKey window, long time) {
    ByteSink sink = new ByteSink();
    new TimerWriter(sink).set(prefixed(key), "", window.bytes(), time, time, Panes.NO_FIRING);
    return sink.toByteString();
  }

  @Test
  void aTimerAfterTheExpiryIsNotSet() {
    SdkBundle bundle = bundle(EventTime.MIN);
    bundle.timers(USER, timer("a", FIRST, 14).concat(timer("a", SECOND, 26)));
    bundle.timers(CLOCK, timer("a", FIRST, 1000));

    List<TimerUpdate> timers = finish(bundle).result().timers();

    assertThat(timers).hasSize(3);
    assertThat(timers.get(0))
        .isInstanceOfSatisfying(
            TimerUpdate.Set.class, set -> assertThat(set.fireAt()).isEqualTo(14));
    assertThat(timers.get(1))
        .isEqualTo(
            new TimerUpdate.Clear(new TimerKey("keep/flush", key("a"), SECOND, ""), group("a")));
    assertThat(timers.get(2)).isInstanceOf(TimerUpdate.Set.class);
  }

  @Test
  void theLastChangeOfATimerCounts() {
    SdkBundle bundle = bundle(EventTime.MIN);
    bundle.timers(USER, timer("a", FIRST, 3).concat(timer("a", SECOND, 14)));
    bundle.timers(CLOCK, timer("a", FIRST, 1000));
    ByteSink cleared = new ByteSink();
    new TimerWriter(cleared).clear(prefixed("a"), "", SECOND.bytes());
    bundle.timers(USER, timer("a", FIRST, 5).concat(cleared.toByteString()));

    assertThat(finish(bundle).result().timers())
        .containsExactlyInAnyOrder(
            new TimerUpdate.Set(
                new TimerKey("keep/flush", key("a"), FIRST, ""),
                group("a"),
                TimeDomain.EVENT_TIME,
                5,
                5),
            new TimerUpdate.Clear(new TimerKey("keep/flush", key("a"), SECOND, ""), group("a")),
            new TimerUpdate.Set(
                new TimerKey("keep/clock", key("a"), FIRST, ""),
                group("a"),
                TimeDomain.PROCESSING_TIME,
                1000,
                1000));
  }

  @Test
  void aWindowAtTheEndOfTimeNeedsNoCleanup() {
    ByteKey last = interval(0, EventTime.GLOBAL_WINDOW_MAX);
    WindowExpiry expiry =
        new WindowExpiry(TestingElements.keyedIntervals(), LATENESS, List.of("end"), true, GROUPS);
    List<TimerUpdate> timers = new ArrayList<>();

    expiry.setTimers(key("a"), group("a"), last, timers);

    assertThat(timers)
        .singleElement()
        .isInstanceOfSatisfying(
            TimerUpdate.Set.class,
            set -> assertThat(set.fireAt()).isEqualTo(EventTime.GLOBAL_WINDOW_MAX));
  }
}
