package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.Action.EdgeComplete;
import org.trestle.engine.core.schedule.Action.JobEnded;
import org.trestle.engine.core.schedule.Action.StartBundle;
import org.trestle.engine.core.schedule.Action.WakeAt;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.StageSnapshot;

/** Shows that the simulation can fail: each of these broken cores is found out. */
final class BrokenCoreTest {
  private static final int SEEDS = 150;

  /** What is broken. */
  enum Fault {
    LOSES_FAILED_WORK(LosesFailedWork::new),
    LOSES_RESIDUALS_OF_COMMITS(
        core -> new ChangesResults(core, r -> results(r, r.timers(), List.of()))),
    LOSES_RESIDUALS_OF_SPLITS(core -> new ChangesSplits(core, true)),
    FORGETS_THAT_A_BUNDLE_WAS_SPLIT(core -> new ChangesSplits(core, false)),
    IGNORES_DELAYS(core -> new ChangesResults(core, BrokenCoreTest::withoutDelays)),
    IGNORES_HOLDS_OF_RESIDUALS(core -> new ChangesResults(core, BrokenCoreTest::holdingLess)),
    IGNORES_HOLDS_OF_TIMERS(core -> new ChangesResults(core, BrokenCoreTest::withoutTimerHolds)),
    FORGETS_TO_CLEAR_TIMERS(core -> new ChangesResults(core, BrokenCoreTest::withoutClears)),
    FIRES_TIMERS_EARLY(core -> new ChangesResults(core, BrokenCoreTest::earlier)),
    LOSES_TIMERS(core -> new ChangesResults(core, r -> results(r, List.of(), r.residuals()))),
    LOSES_OUTPUTS(
        core ->
            new ChangesResults(
                core, r -> new BundleResult(r.id(), List.of(), r.timers(), r.residuals()))),
    LOSES_STARTED_BUNDLES(
        core -> new ChangesActions(core, a -> a instanceof StartBundle ? List.of() : List.of(a))),
    STARTS_BUNDLES_TWICE(
        core ->
            new ChangesActions(core, a -> a instanceof StartBundle ? List.of(a, a) : List.of(a))),
    REPEATS_ELEMENTS(core -> new ChangesActions(core, BrokenCoreTest::repeatingElements)),
    LOSES_THE_FIRST_TIMER(core -> new ChangesActions(core, BrokenCoreTest::withoutFirstTimer)),
    LEASES_NO_KEY_GROUPS(core -> new ChangesActions(core, BrokenCoreTest::withoutLeases)),
    FORGETS_COMPLETE_EDGES(
        core -> new ChangesActions(core, a -> a instanceof EdgeComplete ? List.of() : List.of(a))),
    NEVER_WAKES(
        core -> new ChangesActions(core, a -> a instanceof WakeAt ? List.of() : List.of(a))),
    NEVER_ENDS(
        core -> new ChangesActions(core, a -> a instanceof JobEnded ? List.of() : List.of(a))),
    LETS_WATERMARKS_RUN_AHEAD(RunsAhead::new),
    USES_SLOTS_THAT_ARE_GONE(KeepsSlots::new);

    private final TestedCore.Factory factory;

    Fault(TestedCore.Factory factory) {
      this.factory = factory;
    }
  }

  @ParameterizedTest
  @EnumSource
  void isFoundOut(Fault fault) {
    assertThat(findings(fault.factory)).as("seeds that find " + fault).isNotEmpty();
  }

  @Test
  void aWholeCoreIsNot() {
    assertThat(findings(TestedCore::new)).isEmpty();
  }

  /** The first seed that finds a fault, if any does. */
  private static List<Long> findings(TestedCore.Factory factory) {
    for (long seed = 1; seed <= SEEDS; seed++) {
      try {
        new Simulation(seed, factory).run();
      } catch (RuntimeException violation) {
        return List.of(seed);
      }
    }
    return List.of();
  }

  private static BundleResult results(
      BundleResult result, List<TimerUpdate> timers, List<Residual> residuals) {
    return new BundleResult(result.id(), result.outputs(), timers, residuals);
  }

  private static BundleResult withoutDelays(BundleResult result) {
    List<Residual> residuals = new ArrayList<>();
    for (Residual residual : result.residuals()) {
      residuals.add(new Residual(residual.block(), 0, residual.outputWatermark()));
    }
    return results(result, result.timers(), residuals);
  }

  private static BundleResult holdingLess(BundleResult result) {
    List<Residual> residuals = new ArrayList<>();
    for (Residual residual : result.residuals()) {
      residuals.add(new Residual(residual.block(), residual.delayMillis(), EventTime.MAX));
    }
    return results(result, result.timers(), residuals);
  }

  private static BundleResult withTimers(
      BundleResult result, UnaryOperator<TimerUpdate.Set> change) {
    List<TimerUpdate> timers = new ArrayList<>();
    for (TimerUpdate update : result.timers()) {
      timers.add(update instanceof TimerUpdate.Set set ? change.apply(set) : update);
    }
    return results(result, timers, result.residuals());
  }

  private static BundleResult withoutTimerHolds(BundleResult result) {
    return withTimers(
        result,
        set ->
            new TimerUpdate.Set(
                set.timer(), set.keyGroup(), set.domain(), set.fireAt(), EventTime.MAX));
  }

  private static BundleResult earlier(BundleResult result) {
    return withTimers(
        result,
        set ->
            new TimerUpdate.Set(
                set.timer(), set.keyGroup(), set.domain(), set.fireAt() - 4, set.hold()));
  }

  private static BundleResult withoutClears(BundleResult result) {
    List<TimerUpdate> timers = new ArrayList<>(result.timers());
    timers.removeIf(TimerUpdate.Clear.class::isInstance);
    return results(result, timers, result.residuals());
  }

  private static List<Action> repeatingElements(Action action) {
    if (action instanceof StartBundle start && !start.work().elements().isEmpty()) {
      List<ElementBlock> elements = new ArrayList<>(start.work().elements());
      elements.add(elements.get(0));
      return List.of(new StartBundle(work(start.work(), start.work().keyGroups(), elements)));
    }
    return List.of(action);
  }

  private static List<Action> withoutLeases(Action action) {
    return action instanceof StartBundle start
        ? List.of(new StartBundle(work(start.work(), List.of(), start.work().elements())))
        : List.of(action);
  }

  private static BundleWork work(
      BundleWork work, List<Integer> keyGroups, List<ElementBlock> elements) {
    return new BundleWork(
        work.id(),
        work.stage(),
        keyGroups,
        elements,
        work.timers(),
        work.closing(),
        work.attempts(),
        work.inputWatermark(),
        work.processingTime());
  }

  private static List<Action> withoutFirstTimer(Action action) {
    if (action instanceof StartBundle start && start.work().timers().size() > 1) {
      BundleWork work = start.work();
      List<FiredTimer> timers = work.timers().subList(1, work.timers().size());
      return List.of(
          new StartBundle(
              new BundleWork(
                  work.id(),
                  work.stage(),
                  work.keyGroups(),
                  work.elements(),
                  timers,
                  work.closing(),
                  work.attempts(),
                  work.inputWatermark(),
                  work.processingTime())));
    }
    return List.of(action);
  }

  // ---- kinds of broken cores ----

  private static final class LosesFailedWork extends TestedCore {
    LosesFailedWork(JobCore core) {
      super(core);
    }

    @Override
    void bundleFailed(BundleFailure failure) {
      bundleCommitted(new BundleResult(failure.id(), List.of(), List.of(), List.of()));
    }
  }

  private static final class ChangesResults extends TestedCore {
    private final UnaryOperator<BundleResult> change;

    ChangesResults(JobCore core, UnaryOperator<BundleResult> change) {
      super(core);
      this.change = change;
    }

    @Override
    void bundleCommitted(BundleResult result) {
      super.bundleCommitted(change.apply(result));
    }
  }

  private static final class ChangesSplits extends TestedCore {
    private final boolean losesResiduals;

    ChangesSplits(JobCore core, boolean losesResiduals) {
      super(core);
      this.losesResiduals = losesResiduals;
    }

    @Override
    void bundleSplit(BundleId id, List<ElementBlock> primary, List<Residual> residuals) {
      if (losesResiduals) {
        super.bundleSplit(id, primary, List.of());
      }
    }
  }

  /** Changes what a core asks for. */
  private interface Change {
    List<Action> of(Action action);
  }

  private static final class ChangesActions extends TestedCore {
    private final Change change;

    ChangesActions(JobCore core, Change change) {
      super(core);
      this.change = change;
    }

    @Override
    List<Action> drainActions() {
      List<Action> changed = new ArrayList<>();
      for (Action action : super.drainActions()) {
        changed.addAll(change.of(action));
      }
      return changed;
    }
  }

  private static final class RunsAhead extends TestedCore {
    RunsAhead(JobCore core) {
      super(core);
    }

    @Override
    StageSnapshot snapshot(StageId stage) {
      StageSnapshot was = super.snapshot(stage);
      return new StageSnapshot(
          was.id(),
          was.inputWatermark(),
          was.complete() ? was.outputWatermark() : was.outputWatermark() + 1,
          was.pendingElements(),
          was.pendingBytes(),
          was.inFlightBundles(),
          was.inFlightElements(),
          was.timers(),
          was.committedElements(),
          was.bundles(),
          was.failedBundles(),
          was.complete());
    }
  }

  private static final class KeepsSlots extends TestedCore {
    KeepsSlots(JobCore core) {
      super(core);
    }

    @Override
    void slots(String pool, int slots) {
      super.slots(pool, Math.max(slots, 2));
    }
  }
}
