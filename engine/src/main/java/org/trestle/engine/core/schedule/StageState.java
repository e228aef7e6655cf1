package org.trestle.engine.core.schedule;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.port.SideInputGate;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.watermark.HoldMultiset;

/** What a stage has to do, and how far it has got. */
abstract sealed class StageState permits UnkeyedStage, KeyedStage {
  /** Work that waits for processing time. */
  private record Delayed(long due, long sequence, PendingItem item, int keyGroup)
      implements Comparable<Delayed> {
    @Override
    public int compareTo(Delayed other) {
      int byTime = Long.compare(due, other.due);
      return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
    }
  }

  private final int index;
  private final StageSpec spec;
  private final Pool pool;
  private final SchedulingPolicy policy;
  private final HoldMultiset upstream = new HoldMultiset();
  private final StageHolds holds = new StageHolds();

  /** Failed work that waits for processing time. */
  private record Retry(long due, long sequence, BundleDraft draft) implements Comparable<Retry> {
    @Override
    public int compareTo(Retry other) {
      int byTime = Long.compare(due, other.due);
      return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
    }
  }

  private final ArrayDeque<BundleDraft> retries = new ArrayDeque<>();
  private final PriorityQueue<Retry> delayedRetries = new PriorityQueue<>();
  private final PriorityQueue<Delayed> delayed = new PriorityQueue<>();
  private final @Nullable GatedBlocks gated;
  private long delayedSequence;
  private long inputWatermark = EventTime.MIN;
  private long outputWatermark = EventTime.MIN;
  private int openInputs;
  private int openSideInputs;
  private boolean complete;
  private boolean draining;
  private long wakeAt = Long.MAX_VALUE;

  private long waitingElements;
  private long waitingBytes;
  private int retryTimers;
  private int inFlightBundles;
  private long inFlightElements;
  private long committedElements;
  private long committedBundles;
  private long failedBundles;

  StageState(int index, StageSpec spec, Pool pool, SchedulingPolicy policy) {
    this.index = index;
    this.spec = spec;
    this.pool = pool;
    this.policy = policy;
    this.openInputs = spec.inputs().size();
    this.openSideInputs = spec.sideInputs().size();
    SideInputGate gate = spec.gate();
    this.gated = gate == null ? null : new GatedBlocks(gate);
    for (int i = 0; i < openInputs; i++) {
      upstream.add(EventTime.MIN);
    }
  }

  // ---- what kinds of stages differ in ----

  /** Adds what the stage consumes of an output. */
  abstract void deliver(EdgeOutput output);

  /** Adds work that came back; the key group says nothing for a stage without keys. */
  abstract void addReturned(PendingItem item, int keyGroup);

  /** Whether a first attempt could start now. */
  abstract boolean hasFreshWork(long now);

  /** Whether that work is worth a bundle although more may come. */
  abstract boolean isFreshWorkWorthwhile(long now);

  /** Takes the work of one bundle; only if {@link #hasFreshWork}. */
  abstract BundleDraft drawFresh(long now);

  /** A bundle has run for so long till it was done. */
  abstract void took(BundleDraft draft, long millis);

  /** Gives up what the bundle had for itself. */
  abstract void release(BundleDraft draft);

  /** Applies changes of timers, which must be of the bundle's key groups. */
  abstract void applyTimers(List<TimerUpdate> updates);

  /** Why these changes of timers cannot be applied; null if they can. */
  abstract @Nullable String refuse(List<TimerUpdate> updates, BundleDraft draft);

  /** Whether timers or closing are left to do, when all input has been processed. */
  abstract boolean hasUnfinishedKeys();

  /** When a timer that no bundle holds back is due next. */
  abstract long nextTimerAt();

  abstract int timerCount();

  /** The earliest event time that a timer waits for; {@link Long#MAX_VALUE} if there is none. */
  abstract long nextEventTimer();

  // ---- input ----

  final void add(ElementBlock block) {
    add(PendingItem.of(block), -1);
  }

  final void add(PendingItem item, int keyGroup) {
    holds.add(item);
    waitingElements += item.block().count();
    waitingBytes += item.block().bytes();
    if (gated == null || !gated.keeps(item, keyGroup)) {
      addReturned(item, keyGroup);
    }
  }

  final void addResidual(Residual residual, int keyGroup, long now) {
    PendingItem item = PendingItem.of(residual);
    if (residual.delayMillis() <= 0 || draining) {
      add(item, keyGroup);
      return;
    }
    holds.add(item);
    waitingElements += item.block().count();
    waitingBytes += item.block().bytes();
    long due = now + residual.delayMillis();
    delayed.add(
        new Delayed(due < now ? Long.MAX_VALUE - 1 : due, delayedSequence++, item, keyGroup));
  }

  final void upstreamAdvanced(long from, long to) {
    upstream.move(from, to);
  }

  final void inputCompleted() {
    openInputs--;
  }

  final void sideInputCompleted() {
    openSideInputs--;
  }

  // ---- side inputs that come by window ----

  /** Elements came on a side input. */
  final void sideInputArrived() {
    if (gated != null) {
      gated.moved();
    }
  }

  final void sideInputAdvanced(EdgeId edge, long watermark) {
    if (gated == null) {
      return;
    }
    for (int i = 0; i < spec.sideInputs().size(); i++) {
      if (spec.sideInputs().get(i).equals(edge)) {
        gated.gate().sideInputAdvanced(i, watermark);
      }
    }
    gated.moved();
  }

  final boolean isAsking() {
    return gated != null && gated.gate().isAsking();
  }

  /** Moves elements to the input whose side inputs have become ready. */
  final void admitGated() {
    if (gated != null) {
      for (GatedBlocks.Gated block : gated.opened()) {
        addReturned(block.item(), block.keyGroup());
      }
    }
  }

  // ---- bundles ----

  /** Lets nothing wait for processing time any more. */
  void drain() {
    draining = true;
    tick(Long.MAX_VALUE);
  }

  final boolean isDraining() {
    return draining;
  }

  /** Moves delayed work whose time has come to the input. */
  final void tick(long now) {
    Retry retry = delayedRetries.peek();
    while (retry != null && retry.due <= now) {
      delayedRetries.remove();
      retries.add(retry.draft);
      retry = delayedRetries.peek();
    }
    Delayed first = delayed.peek();
    while (first != null && first.due <= now) {
      delayed.remove();
      addReturned(first.item, first.keyGroup);
      first = delayed.peek();
    }
  }

  final boolean isReady(long now) {
    return (openSideInputs == 0 || gated != null) && (!retries.isEmpty() || hasFreshWork(now));
  }

  final boolean isWorthwhile(long now) {
    return !retries.isEmpty() || openInputs == 0 || isFreshWorkWorthwhile(now);
  }

  /** Whether the next bundle is one that may have ended its workers. */
  final boolean isNextSuspect() {
    BundleDraft next = retries.peek();
    return next != null && policy.isSuspect(next.attempts());
  }

  /** Takes the work of one bundle: what failed before comes first. */
  final BundleDraft draw(long now) {
    BundleDraft retry = retries.poll();
    BundleDraft draft = (retry != null ? retry : drawFresh(now)).drawnAt(inputWatermark);
    holds.start(draft);
    if (retry != null) {
      retryTimers -= retry.timers().size();
    }
    long elements = draft.elementCount();
    waitingElements -= elements;
    waitingBytes -= draft.byteCount();
    inFlightBundles++;
    inFlightElements += elements;
    return draft;
  }

  /**
   * Work that was taken failed: it will run again, as it was.
   *
   * @param draft with the attempt that failed
   * @param due when, in processing time; before that other work may run
   */
  final void retry(BundleDraft draft, long due, long now) {
    ended(draft);
    failedBundles++;
    waitingElements += draft.elementCount();
    waitingBytes += draft.byteCount();
    retryTimers += draft.timers().size();
    if (due <= now) {
      retries.add(draft);
    } else {
      delayedRetries.add(new Retry(due, delayedSequence++, draft));
    }
  }

  /**
   * Work that was taken is done.
   *
   * @param millis how long it ran
   */
  final void commit(BundleDraft draft, long millis) {
    ended(draft);
    took(draft, millis);
    committedBundles++;
    committedElements += draft.elementCount();
    for (PendingItem item : draft.items()) {
      holds.remove(item);
    }
    for (int i = 0; i < draft.timers().size(); i++) {
      holds.remove(draft.timers().get(i));
    }
    release(draft);
  }

  private void ended(BundleDraft draft) {
    holds.end(draft);
    inFlightBundles--;
    inFlightElements -= draft.elementCount();
  }

  /** Replaces the elements of a running bundle, which hold the output watermark as the old ones. */
  final BundleDraft shrink(BundleDraft draft, List<ElementBlock> primary) {
    long hold = EventTime.MAX - 1;
    for (PendingItem item : draft.items()) {
      hold = Math.min(hold, item.outputHold());
    }
    List<PendingItem> items = new ArrayList<>(primary.size());
    for (ElementBlock block : primary) {
      PendingItem item = PendingItem.of(block);
      items.add(new PendingItem(block, item.inputHold(), hold, true));
    }
    BundleDraft smaller = draft.withItems(items);
    for (PendingItem item : items) {
      holds.add(item);
    }
    for (PendingItem item : draft.items()) {
      holds.remove(item);
    }
    inFlightElements += smaller.elementCount() - draft.elementCount();
    return smaller;
  }

  // ---- progress ----

  /** Brings the input watermark up to date. */
  final void updateInputWatermark() {
    long earliest = Math.min(upstream.min(), holds.input().min());
    if (!policy.streaming() && earliest < EventTime.MAX) {
      earliest = EventTime.MIN;
    }
    inputWatermark = Math.max(inputWatermark, earliest);
  }

  /** Whether nothing is left to do and nothing will come. */
  final boolean isFinished() {
    return inputWatermark == EventTime.MAX
        && openInputs == 0
        && inFlightBundles == 0
        && retries.isEmpty()
        && delayedRetries.isEmpty()
        && !hasUnfinishedKeys();
  }

  final void complete() {
    complete = true;
  }

  /**
   * Brings the output watermark up to date. Until the stage is complete it stays before the end of
   * time. A residual holds it by its own output watermark instead of its elements' timestamps.
   */
  final void updateOutputWatermark() {
    long earliest;
    if (complete) {
      earliest = EventTime.MAX;
    } else if (spec.closes()) {
      earliest = EventTime.MIN;
    } else {
      long base = policy.streaming() ? upstream.min() : inputWatermark;
      earliest = Math.min(Math.min(base, holds.output().min()), EventTime.MAX - 1);
    }
    outputWatermark = Math.max(outputWatermark, earliest);
    if (gated != null) {
      gated.gate().stageAdvanced(Math.min(inputWatermark, outputWatermark));
    }
  }

  /** The next processing time at which the stage has something to do by itself. */
  final long nextWake() {
    Delayed first = delayed.peek();
    Retry retry = delayedRetries.peek();
    long work = first == null ? Long.MAX_VALUE : first.due;
    long again = retry == null ? Long.MAX_VALUE : retry.due;
    return Math.min(Math.min(work, again), nextTimerAt());
  }

  /** When the stage is listed to be woken. */
  final long wakeAt() {
    return wakeAt;
  }

  final void setWakeAt(long time) {
    wakeAt = time;
  }

  // ---- views ----

  final int index() {
    return index;
  }

  final StageSpec spec() {
    return spec;
  }

  final Pool pool() {
    return pool;
  }

  final StageHolds holds() {
    return holds;
  }

  final long inputWatermark() {
    return inputWatermark;
  }

  final long outputWatermark() {
    return outputWatermark;
  }

  final int openInputs() {
    return openInputs;
  }

  final int openSideInputs() {
    return openSideInputs;
  }

  /** Blocks that wait for side inputs; null if the stage's side inputs come as a whole. */
  final @Nullable GatedBlocks gated() {
    return gated;
  }

  final int retryCount() {
    return retries.size() + delayedRetries.size();
  }

  final int delayedCount() {
    return delayed.size();
  }

  final boolean isComplete() {
    return complete;
  }

  final StageSnapshot snapshot() {
    return new StageSnapshot(
        spec.id(),
        inputWatermark,
        outputWatermark,
        waitingElements,
        waitingBytes,
        inFlightBundles,
        inFlightElements,
        timerCount() + retryTimers,
        committedElements,
        committedBundles,
        failedBundles,
        complete);
  }
}
