package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.simulation.SimPipeline.SimStage;

/**
 * What a stage must have to do, kept element by element and without any of the core's structures:
 * every bundle that the core starts is checked against it.
 */
final class StageModel {
  /** An element and what it holds; {@code due} is when it may run at the earliest. */
  record Held(Element element, long outputHold, long due) {}

  /** A running or failed bundle. */
  record Flight(BundleWork work, List<Held> elements) {
    Flight withElements(List<Held> other) {
      return new Flight(work, other);
    }
  }

  final SimStage stage;
  final List<Held> pending = new ArrayList<>();
  final Map<BundleId, Flight> inFlight = new LinkedHashMap<>();
  final List<Flight> failed = new ArrayList<>();
  final Map<TimerKey, FiredTimer> timers = new HashMap<>();
  final Set<Integer> leased = new HashSet<>();
  final Set<Integer> hadInput = new HashSet<>();
  final Set<Integer> closed = new HashSet<>();
  long inputWatermark = EventTime.MIN;
  long outputWatermark = EventTime.MIN;
  boolean inputsComplete;
  boolean complete;

  StageModel(SimStage stage) {
    this.stage = stage;
  }

  void deliver(Element element) {
    check(!complete, "an element comes to complete stage %s", stage.id());
    pending.add(new Held(element, element.timestamp(), 0));
    hadInput.add(element.keyGroup());
  }

  void addResidual(Element element, long outputHold, long due) {
    pending.add(new Held(element, outputHold, due));
  }

  // ---- what the core may start ----

  void started(BundleWork work, long now) {
    check(!complete, "%s starts in complete stage %s", work.id(), stage.id());
    if (work.attempt() > 1) {
      startedAgain(work);
      return;
    }
    for (int keyGroup : work.keyGroups()) {
      check(leased.add(keyGroup), "key group %s of %s is leased", keyGroup, stage.id());
    }
    List<Held> taken = takeElements(work, now);
    takeTimers(work, now);
    if (work.closing()) {
      checkClosing(work);
    }
    check(!taken.isEmpty() || !work.timers().isEmpty() || work.closing(), "%s is empty", work.id());
    inFlight.put(work.id(), new Flight(work, taken));
  }

  private void startedAgain(BundleWork work) {
    for (Flight flight : failed) {
      if (flight.work().attempt() + 1 == work.attempt()
          && flight.work().keyGroups().equals(work.keyGroups())
          && elements(flight).equals(SimBlock.elements(work.elements()))
          && flight.work().timers().equals(work.timers())
          && flight.work().closing() == work.closing()) {
        failed.remove(flight);
        inFlight.put(work.id(), new Flight(work, flight.elements()));
        return;
      }
    }
    check(false, "%s repeats what did not fail: %s", work.id(), work);
  }

  private static List<Element> elements(Flight flight) {
    List<Element> elements = new ArrayList<>();
    for (Held held : flight.elements()) {
      elements.add(held.element());
    }
    return elements;
  }

  private List<Held> takeElements(BundleWork work, long now) {
    List<Held> taken = new ArrayList<>();
    for (Element element : SimBlock.elements(work.elements())) {
      int index = 0;
      // For keyed stages the first of the key group must be it; for others any will do.
      while (index < pending.size() && !matches(pending.get(index).element(), element)) {
        index++;
      }
      check(index < pending.size(), "%s takes %s, which is not pending", work.id(), element);
      Held held = pending.remove(index);
      check(held.element().equals(element), "%s takes %s before its turn", work.id(), element);
      check(held.due() <= now, "%s takes %s before it is due", work.id(), element);
      check(
          !stage.spec().keyed() || work.keyGroups().contains(element.keyGroup()),
          "%s takes %s without a lease",
          work.id(),
          element);
      taken.add(held);
    }
    return taken;
  }

  private boolean matches(Element candidate, Element wanted) {
    return stage.spec().keyed()
        ? candidate.keyGroup() == wanted.keyGroup()
        : candidate.equals(wanted);
  }

  private void takeTimers(BundleWork work, long now) {
    for (FiredTimer timer : work.timers()) {
      check(timer.equals(timers.remove(timer.timer())), "%s fires %s, not set", work.id(), timer);
      check(work.keyGroups().contains(timer.keyGroup()), "%s has no lease", timer);
      long clock = timer.domain() == TimeDomain.EVENT_TIME ? inputWatermark : now;
      boolean pastTime = timer.domain() == TimeDomain.EVENT_TIME && clock < EventTime.MAX;
      boolean due = pastTime ? timer.fireAt() < clock : timer.fireAt() <= clock;
      check(due, "%s fires before its time: %s", timer, clock);
    }
    for (FiredTimer timer : work.timers()) {
      for (FiredTimer other : timers.values()) {
        check(
            other.fireAt() > timer.fireAt()
                || other.domain() != timer.domain()
                || !other.timer().key().equals(timer.timer().key()),
            "%s fires before %s",
            timer,
            other);
      }
    }
  }

  private void checkClosing(BundleWork work) {
    check(inputsComplete, "%s closes too early", stage.id());
    for (Held held : pending) {
      int keyGroup = held.element().keyGroup();
      check(!work.keyGroups().contains(keyGroup), "%s closes %s too early", stage.id(), keyGroup);
    }
    for (int keyGroup : work.keyGroups()) {
      check(hadInput.contains(keyGroup), "%s had no input in %s", stage.id(), keyGroup);
      check(closed.add(keyGroup), "%s closes %s twice", stage.id(), keyGroup);
    }
  }

  // ---- what bundles do ----

  Flight failed(BundleId id) {
    Flight flight = remove(id);
    failed.add(flight);
    return flight;
  }

  Flight committed(BundleId id) {
    Flight flight = remove(id);
    flight.work().keyGroups().forEach(leased::remove);
    return flight;
  }

  private Flight remove(BundleId id) {
    Flight flight = inFlight.remove(id);
    if (flight == null) {
      throw new ModelViolation(id + " of " + stage.id() + " does not run", null);
    }
    return flight;
  }

  void apply(TimerUpdate update) {
    timers.remove(update.timer());
    if (update instanceof TimerUpdate.Set set) {
      timers.put(
          set.timer(),
          new FiredTimer(set.timer(), set.keyGroup(), set.domain(), set.fireAt(), set.hold()));
    }
  }

  // ---- watermarks, by looking at everything ----

  /** Computes the watermarks anew from those of the input edges. */
  void computeWatermarks(long upstream, boolean streaming) {
    long earliestInput = upstream;
    long earliestOutput = EventTime.MAX - 1;
    boolean busy = false;
    for (Held held : allHeld()) {
      earliestInput = Math.min(earliestInput, held.element().timestamp());
      earliestOutput = Math.min(earliestOutput, held.outputHold());
      busy = true;
    }
    for (FiredTimer timer : allTimers()) {
      earliestOutput = Math.min(earliestOutput, timer.hold());
      busy = true;
    }
    for (Flight flight : inFlight.values()) {
      if (!flight.work().timers().isEmpty()) {
        earliestOutput = Math.min(earliestOutput, flight.work().inputWatermark());
      }
    }
    busy |= !inFlight.isEmpty() || !failed.isEmpty();
    busy |= stage.spec().closes() && !closed.containsAll(hadInput);
    if (!streaming && earliestInput < EventTime.MAX) {
      earliestInput = EventTime.MIN;
    }
    inputWatermark = Math.max(inputWatermark, earliestInput);
    complete |= inputWatermark == EventTime.MAX && !busy;
    earliestOutput = Math.min(earliestOutput, streaming ? upstream : inputWatermark);
    if (complete) {
      earliestOutput = EventTime.MAX;
    } else if (stage.spec().closes()) {
      earliestOutput = EventTime.MIN;
    }
    outputWatermark = Math.max(outputWatermark, earliestOutput);
  }

  private List<Held> allHeld() {
    List<Held> all = new ArrayList<>(pending);
    inFlight.values().forEach(flight -> all.addAll(flight.elements()));
    failed.forEach(flight -> all.addAll(flight.elements()));
    return all;
  }

  private List<FiredTimer> allTimers() {
    List<FiredTimer> all = new ArrayList<>(timers.values());
    inFlight.values().forEach(flight -> all.addAll(flight.work().timers()));
    failed.forEach(flight -> all.addAll(flight.work().timers()));
    return all;
  }

  long waitingElements() {
    long waiting = pending.size();
    for (Flight flight : failed) {
      waiting += flight.elements().size();
    }
    return waiting;
  }

  long inFlightElements() {
    long running = 0;
    for (Flight flight : inFlight.values()) {
      running += flight.elements().size();
    }
    return running;
  }

  long waitingTimers() {
    long waiting = timers.size();
    for (Flight flight : failed) {
      waiting += flight.work().timers().size();
    }
    return waiting;
  }
}
