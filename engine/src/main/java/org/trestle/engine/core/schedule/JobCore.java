package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.core.scale.PoolLoad;
import org.trestle.engine.core.scale.PoolScaler;
import org.trestle.engine.core.scale.PoolSize;
import org.trestle.engine.core.schedule.Action.Outcome;

/**
 * A job as a state machine: events go in, actions come out.
 *
 * <p>Decides which bundles run, keeps watermarks, holds and timers, tries failed work again, and
 * tells when edges and the job are complete. The same events in the same order give the same
 * actions.
 *
 * <p>Owned by the thread of the first call: a call of another thread is refused. Processing time is
 * what {@link #start} and {@link #tick} say; call {@code tick} before an event whose moment
 * matters, like one with delayed residuals. Events after {@link Action.JobEnded} are ignored.
 */
public final class JobCore {
  /*
   * An event changes pending work, holds and timers of a few stages and marks these dirty. Then
   * `settle` sweeps once over the dirty stages in the plan's order: watermarks and completions only
   * ever make later stages dirty. What waits in a queue or runs in a bundle has its holds from its
   * arrival to its commit, so starting a bundle moves no watermark and the sweep needs no repetition.
   */

  /** What a bundle keeps of the rest of its work when it leaves a part to idle slots. */
  private static final double KEEP_HALF = 0.5;

  private record Wake(long time, int stage) implements Comparable<Wake> {
    @Override
    public int compareTo(Wake other) {
      int byTime = Long.compare(time, other.time);
      return byTime != 0 ? byTime : Integer.compare(stage, other.stage);
    }
  }

  private final JobPlan plan;
  private final SchedulingPolicy policy;
  private final JobGraph graph;
  private final Map<BundleId, InFlight> running = new LinkedHashMap<>();
  private final BitSet dirty = new BitSet();
  private final TreeSet<Wake> wakes = new TreeSet<>();
  private final TestStreams testStreams;
  private final Rebalancing rebalancing = new Rebalancing();
  private List<Action> actions = new ArrayList<>();
  private @Nullable Thread owner;
  private boolean started;
  private boolean draining;
  private boolean ended;
  private int openStages;
  private long now;
  private long nextBundle = 1;
  private long askedWake = Long.MAX_VALUE;

  /**
   * A job that has not started.
   *
   * @throws IllegalArgumentException if the plan contradicts itself
   */
  public JobCore(JobPlan plan, SchedulingPolicy policy) {
    this.plan = plan;
    this.policy = policy;
    this.graph = new JobGraph(plan, policy);
    this.testStreams = new TestStreams(plan, graph);
    this.openStages = graph.stages().size();
  }

  /**
   * Delivers the initial elements, and completes the edges that have no producers.
   *
   * @throws IllegalStateException if called twice
   */
  public void start(long nowMillis) {
    assertOwner();
    if (started) {
      throw new IllegalStateException("the job has been started before");
    }
    started = true;
    if (ended) {
      return;
    }
    now = nowMillis;
    for (EdgeOutput output : plan.initial()) {
      deliver(output);
    }
    for (Edge edge : graph.edges().values()) {
      if (!edge.hasProducers()) {
        endEdge(edge);
      }
    }
    dirty.set(0, graph.stages().size());
    settle();
  }

  /**
   * Sets how many bundles may run in a pool at once: 0 at first. If more are running than that,
   * they go on, and no others start until there is room.
   */
  public void slots(String pool, int slots) {
    assertOwner();
    graph.pool(pool).resize(slots);
    settle();
  }

  /**
   * Lets the core decide the size of a pool, by its {@linkplain #poolLoad load}.
   *
   * @param workers how many the pool starts with
   */
  public void scale(String pool, PoolLimits limits, int workers) {
    assertOwner();
    graph.pool(pool).scaledBy(new PoolScaler(limits, workers));
  }

  /**
   * Sets other limits for a pool whose size the core decides.
   *
   * @throws IllegalArgumentException if somebody else decides it
   */
  public void limit(String pool, PoolLimits limits) {
    assertOwner();
    resize(pool, scaler(pool).limit(limits));
  }

  /**
   * How busy a pool has been since the last time.
   *
   * @throws IllegalArgumentException if the core does not decide the pool's size
   */
  public void poolLoad(String pool, PoolLoad load) {
    assertOwner();
    if (!started || ended) {
      return;
    }
    Pool slots = graph.pool(pool);
    boolean waiting = slots.hasReadyStage() || rebalancing.hasMoreThanOne(slots, running.values());
    resize(pool, scaler(pool).look(load, slots.busy(), waiting));
  }

  private PoolScaler scaler(String pool) {
    PoolScaler scaler = graph.pool(pool).scaler();
    if (scaler == null) {
      throw new IllegalArgumentException("the size of pool " + pool + " is fixed");
    }
    return scaler;
  }

  private void resize(String pool, @Nullable PoolSize size) {
    if (size != null && !ended) {
      actions.add(new Action.ResizePool(pool, size));
    }
  }

  /**
   * Makes visible what a bundle did, all of it together. Bundles that are unknown or were abandoned
   * are ignored. A result that the bundle's stage cannot have, which only a misbehaving harness
   * makes, is taken as a failure that a retry does not help.
   */
  public void bundleCommitted(BundleResult result) {
    assertOwner();
    InFlight bundle = running.get(result.id());
    if (ended || bundle == null) {
      return;
    }
    String refusal = refuse(result, bundle);
    if (refusal != null) {
      bundleFailed(
          new BundleFailure(
              result.id(),
              BundleFailure.Cause.RUNNER,
              "stage " + bundle.stage().spec().id() + ": " + refusal));
      return;
    }
    StageState stage = bundle.stage();
    for (EdgeOutput output : result.outputs()) {
      deliver(output);
    }
    stage.applyTimers(result.timers());
    for (Residual residual : result.residuals()) {
      stage.addResidual(residual, firstKeyGroup(bundle.draft()), now);
    }
    end(bundle);
    stage.commit(bundle.draft(), now - bundle.startedAt());
    settle();
  }

  /**
   * A running bundle has done its work, and its end is still to come. That takes time but no
   * processor, so that another bundle may have its slot.
   */
  public void bundleEnding(BundleId id) {
    assertOwner();
    InFlight bundle = running.get(id);
    if (ended || bundle == null || bundle.isEnding()) {
      return;
    }
    bundle.markEnding();
    bundle.stage().pool().lend();
    settle();
  }

  private @Nullable String refuse(BundleResult result, InFlight bundle) {
    for (EdgeOutput output : result.outputs()) {
      Edge edge = graph.edges().get(output.edge());
      if (edge == null || !graph.outputs(bundle.stage()).contains(edge)) {
        return "it does not write edge " + output.edge();
      }
      String missed = edge.refuse(output, plan.keyGroups());
      if (missed != null) {
        return missed;
      }
    }
    return bundle.stage().refuse(result.timers(), bundle.draft());
  }

  /**
   * Residuals of keyed bundles run with a key group of the bundle, so in order with what it did.
   */
  private static int firstKeyGroup(BundleDraft draft) {
    return draft.keyGroups().isEmpty() ? -1 : draft.keyGroups().get(0);
  }

  /**
   * A bundle left no trace. Its work runs again as it was, before other work of the stage, as long
   * as the {@linkplain SchedulingPolicy#allowsRetry policy} allows; then the job fails with the
   * failure's message.
   */
  public void bundleFailed(BundleFailure failure) {
    assertOwner();
    InFlight bundle = running.get(failure.id());
    if (ended || bundle == null) {
      return;
    }
    end(bundle);
    BundleDraft tried = bundle.draft().after(failure.cause());
    bundle.stage().retry(tried, now + policy.retryDelayMillis(tried.attempts()), now);
    if (!policy.allowsRetry(failure.cause(), tried.attempts())) {
      endJob(Outcome.FAILED, failure.message());
      return;
    }
    settle();
  }

  /**
   * A running bundle has given up part of its elements, asked or not. The residuals return to the
   * stage's input at once; if the bundle fails later, only the primary is tried again.
   *
   * @param primary all elements the bundle still has or will give back with its result, which hold
   *     the output watermark as before
   * @throws IllegalArgumentException if the bundle's stage has keys: it owns its elements' keys
   *     till it commits, so that nothing would be won
   */
  public void bundleSplit(BundleId id, List<ElementBlock> primary, List<Residual> residuals) {
    assertOwner();
    InFlight bundle = running.get(id);
    if (ended || bundle == null) {
      return;
    }
    StageState stage = bundle.stage();
    if (stage.spec().keyed()) {
      throw new IllegalArgumentException(id + " of keyed stage " + stage.spec().id() + " is split");
    }
    for (Residual residual : residuals) {
      stage.addResidual(residual, -1, now);
    }
    bundle.replaceDraft(stage.shrink(bundle.draft(), primary));
    bundle.gave(now);
    dirty.set(stage.index());
    settle();
  }

  /** A running bundle was asked for part of its work and gives none. */
  public void splitRefused(BundleId id) {
    assertOwner();
    InFlight bundle = running.get(id);
    if (!ended && bundle != null && bundle.isAsked()) {
      bundle.refused(now, policy.splitAfterMillis());
      settle();
    }
  }

  /**
   * A stage's gate has got an answer that it asked for.
   *
   * @throws IllegalArgumentException if there is no such stage
   */
  public void gateMoved(StageId id) {
    assertOwner();
    if (ended) {
      return;
    }
    StageState stage = graph.stage(id);
    stage.sideInputArrived();
    dirty.set(stage.index());
    settle();
  }

  /** Processing time has come so far. An earlier time than before changes nothing. */
  public void tick(long nowMillis) {
    assertOwner();
    if (!started || ended || plan.ownClock() || nowMillis <= now) {
      return;
    }
    clock(nowMillis);
    settle();
  }

  private void clock(long nowMillis) {
    now = nowMillis;
    if (now >= askedWake) {
      askedWake = Long.MAX_VALUE;
    }
    while (!wakes.isEmpty() && wakes.first().time <= now) {
      StageState stage = graph.stage(wakes.first().stage);
      wakes.pollFirst();
      stage.setWakeAt(Long.MAX_VALUE);
      stage.tick(now);
      dirty.set(stage.index());
    }
  }

  /**
   * The TestStream's answer to {@link Action.NextTestStreamEvent}. An answer that was not asked for
   * is ignored.
   *
   * @throws IllegalArgumentException if the event names an edge that the TestStream does not write,
   *     or elements that its consumers would miss
   */
  public void testStreamEvent(String testStream, TestStreamEvent event) {
    assertOwner();
    if (ended || !testStreams.answered(testStream)) {
      return;
    }
    if (event instanceof TestStreamEvent.Elements elements) {
      String missed = edge(elements.output().edge()).refuse(elements.output(), plan.keyGroups());
      if (missed != null) {
        throw new IllegalArgumentException("TestStream " + testStream + ": " + missed);
      }
      deliver(elements.output());
    } else if (event instanceof TestStreamEvent.Watermark move) {
      Edge edge = edge(move.edge());
      if (testStreams.advance(testStream, edge, move.watermark())) {
        markDirty(edge.consumers());
        markDirty(edge.sideConsumers());
      }
    } else if (event instanceof TestStreamEvent.Clock step) {
      long time = now + step.millis();
      clock(time < now ? Long.MAX_VALUE - 1 : time);
    }
    settle();
  }

  /** The TestStream has no more events. */
  public void testStreamEnded(String testStream) {
    assertOwner();
    if (ended || !testStreams.answered(testStream)) {
      return;
    }
    endProduction(testStreams.end(testStream));
    settle();
  }

  private void endProduction(List<Edge> edges) {
    for (Edge edge : edges) {
      if (edge.producerCompleted()) {
        endEdge(edge);
      }
    }
  }

  /**
   * Lets the job come to its end without new input: TestStreams end, and nothing waits for
   * processing time. Unbounded sources must be told to stop by whoever runs their bundles. The job
   * then ends as {@link Outcome#DRAINED}.
   */
  public void drain() {
    assertOwner();
    if (ended || draining) {
      return;
    }
    draining = true;
    endProduction(testStreams.endAll());
    for (StageState stage : graph.stages()) {
      stage.drain();
    }
    dirty.set(0, graph.stages().size());
    settle();
  }

  /** Ends the job: running bundles are given up. */
  public void cancel() {
    assertOwner();
    endJob(Outcome.CANCELLED, "");
  }

  /** The actions since the last call, in order. */
  public List<Action> drainActions() {
    assertOwner();
    List<Action> drained = actions;
    actions = new ArrayList<>();
    return drained;
  }

  /** Whether the job has ended. */
  public boolean isEnded() {
    return ended;
  }

  /**
   * A stage's figures now.
   *
   * @throws IllegalArgumentException if there is no such stage
   */
  public StageSnapshot snapshot(StageId stage) {
    assertOwner();
    return graph.stage(stage).snapshot();
  }

  /** The figures of all stages, in the plan's order. */
  public List<StageSnapshot> snapshots() {
    assertOwner();
    List<StageSnapshot> snapshots = new ArrayList<>();
    for (StageState stage : graph.stages()) {
      snapshots.add(stage.snapshot());
    }
    return snapshots;
  }

  /**
   * No element that is still to come on the edge is earlier.
   *
   * @throws IllegalArgumentException if there is no such edge
   */
  public long watermark(EdgeId edge) {
    assertOwner();
    return edge(edge).watermark();
  }

  private Edge edge(EdgeId id) {
    Edge edge = graph.edges().get(id);
    if (edge == null) {
      throw new IllegalArgumentException("there is no edge " + id);
    }
    return edge;
  }

  /** How many timers are set, in all stages. */
  public long timerCount() {
    assertOwner();
    long count = 0;
    for (StageState stage : graph.stages()) {
      count += stage.timerCount();
    }
    return count;
  }

  /** Every stage's watermarks, holds, pending work and timers: for people. */
  public String dump() {
    assertOwner();
    return JobDump.of(graph, running.size(), now);
  }

  private void assertOwner() {
    Thread caller = Thread.currentThread();
    if (owner == null) {
      owner = caller;
    } else if (owner != caller) {
      throw new IllegalStateException(
          "the core is owned by thread " + owner.getName() + ", called on " + caller.getName());
    }
  }

  // ---- what changes ----

  private void deliver(EdgeOutput output) {
    Edge edge = edge(output.edge());
    for (StageState consumer : edge.consumers()) {
      consumer.deliver(output);
      dirty.set(consumer.index());
    }
    for (StageState consumer : edge.sideConsumers()) {
      consumer.sideInputArrived();
      dirty.set(consumer.index());
    }
  }

  private void end(InFlight bundle) {
    running.remove(bundle.id());
    bundle.stage().pool().giveBack(bundle.isEnding());
    dirty.set(bundle.stage().index());
  }

  private void endEdge(Edge edge) {
    edge.end();
    actions.add(new Action.EdgeComplete(edge.id()));
    markDirty(edge.consumers());
    markDirty(edge.sideConsumers());
  }

  private void markDirty(List<StageState> stages) {
    for (StageState stage : stages) {
      dirty.set(stage.index());
    }
  }

  private void endJob(Outcome outcome, String message) {
    if (ended) {
      return;
    }
    ended = true;
    for (BundleId id : running.keySet()) {
      actions.add(new Action.AbandonBundle(id));
    }
    running.clear();
    actions.add(new Action.JobEnded(outcome, message));
  }

  // ---- what follows ----

  private void settle() {
    if (!started || ended) {
      return;
    }
    for (int next = dirty.nextSetBit(0); next >= 0; next = dirty.nextSetBit(next + 1)) {
      dirty.clear(next);
      advance(graph.stage(next));
    }
    if (openStages == 0) {
      endJob(draining ? Outcome.DRAINED : Outcome.DONE, "");
      return;
    }
    boolean work = false;
    rebalancing.begin();
    if (!plan.ownClock()) {
      rebalancing.overdue(running.values(), now).forEach(bundle -> ask(bundle, 0));
    }
    for (Pool pool : graph.pools().values()) {
      startBundles(pool);
      work |= pool.hasReadyStage();
      if (!plan.ownClock() && pool.hasFreeSlot()) {
        askForWork(pool);
      }
    }
    if (running.isEmpty() && !work) {
      idle();
    }
    if (!ended && !plan.ownClock()) {
      askForWake();
    }
  }

  /** All that followed from the events so far has been done. */
  private void idle() {
    if (testStreams.isAsked() || isAsking()) {
      return;
    }
    if (testStreams.isOpen()) {
      actions.add(new Action.NextTestStreamEvent(testStreams.ask()));
    } else if (wakes.isEmpty()) {
      endJob(Outcome.FAILED, "the job is stuck: nothing runs and nothing can run\n" + dump());
    } else if (plan.ownClock()) {
      clock(wakes.first().time);
      settle();
    }
  }

  private void advance(StageState stage) {
    if (stage.isComplete()) {
      return;
    }
    stage.admitGated();
    stage.updateInputWatermark();
    if (stage.isFinished()) {
      stage.complete();
      openStages--;
    }
    long before = stage.outputWatermark();
    stage.updateOutputWatermark();
    long after = stage.outputWatermark();
    if (before != after) {
      for (Edge edge : graph.outputs(stage)) {
        if (edge.advance(before, after)) {
          markDirty(edge.consumers());
          markDirty(edge.sideConsumers());
        }
      }
    }
    if (stage.isComplete()) {
      for (Edge edge : graph.outputs(stage)) {
        if (edge.producerCompleted()) {
          endEdge(edge);
        }
      }
    }
    refresh(stage);
  }

  /** Lists the stage under what it can do now, and when it can do more. */
  private void refresh(StageState stage) {
    boolean ready = stage.isReady(now);
    stage.pool().setReady(stage.index(), ready, ready && stage.isWorthwhile(now));
    long wake = stage.nextWake();
    if (wake <= now) {
      wake = Long.MAX_VALUE; // Its time has come: the stage is ready, or waits for something else.
    }
    if (wake != stage.wakeAt()) {
      wakes.remove(new Wake(stage.wakeAt(), stage.index()));
      if (wake != Long.MAX_VALUE) {
        wakes.add(new Wake(wake, stage.index()));
      }
      stage.setWakeAt(wake);
    }
  }

  private void startBundles(Pool pool) {
    while (pool.hasFreeSlot() && pool.hasReadyStage()) {
      StageState stage = graph.stage(pool.nextStage());
      boolean suspect = stage.isNextSuspect();
      if (suspect && pool.running() > 0) {
        return;
      }
      BundleDraft draft = stage.draw(now);
      BundleId id = new BundleId(nextBundle++);
      running.put(id, new InFlight(id, stage, draft, now, policy));
      pool.take(suspect);
      actions.add(new Action.StartBundle(draft.toWork(id, stage.spec().id(), now)));
      refresh(stage);
    }
  }

  private void askForWork(Pool pool) {
    for (InFlight bundle : rebalancing.choose(pool, running.values(), now)) {
      ask(bundle, KEEP_HALF);
    }
  }

  private void ask(InFlight bundle, double keep) {
    bundle.ask();
    actions.add(new Action.SplitBundle(bundle.id(), keep));
  }

  private boolean isAsking() {
    for (StageState stage : graph.stages()) {
      if (stage.isAsking()) {
        return true;
      }
    }
    return false;
  }

  private void askForWake() {
    long next = wakes.isEmpty() ? Long.MAX_VALUE : wakes.first().time;
    next = Math.min(next, rebalancing.nextLook());
    if (next < askedWake) {
      askedWake = next;
      actions.add(new Action.WakeAt(askedWake));
    }
  }
}
