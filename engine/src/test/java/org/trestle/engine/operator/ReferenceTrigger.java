package org.trestle.engine.operator;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform;

/**
 * A trigger of one key and window, interpreted step by step and with all it knows in its own
 * fields: what {@link org.trestle.engine.core.trigger.TriggerMachine} is compared with.
 */
final class ReferenceTrigger {
  private final Trigger kind;
  private final boolean merging;
  private final List<ReferenceTrigger> parts = new ArrayList<>();
  private boolean finished;
  private int count;
  private @Nullable Long deadline;

  ReferenceTrigger(Trigger kind, boolean merging) {
    this.kind = kind;
    this.merging = merging;
    if (kind instanceof Trigger.AfterAll all) {
      all.subtriggers().forEach(this::addPart);
    } else if (kind instanceof Trigger.AfterAny any) {
      any.subtriggers().forEach(this::addPart);
    } else if (kind instanceof Trigger.AfterEach each) {
      each.subtriggers().forEach(this::addPart);
    } else if (kind instanceof Trigger.Repeat repeat) {
      addPart(repeat.subtrigger());
    } else if (kind instanceof Trigger.OrFinally or) {
      addPart(or.main());
      addPart(or.until());
    } else if (kind instanceof Trigger.AfterEndOfWindow end && !isPlain(end)) {
      addPart(end.early() == null ? new Trigger.Never() : end.early());
      addPart(end.late() == null ? new Trigger.Never() : end.late());
    }
  }

  private void addPart(Trigger part) {
    parts.add(new ReferenceTrigger(part, merging));
  }

  private static boolean isPlain(Trigger.AfterEndOfWindow end) {
    return end.early() == null && end.late() == null;
  }

  /** With early or late firings. */
  private boolean isTwoPhased() {
    return kind instanceof Trigger.AfterEndOfWindow && !parts.isEmpty();
  }

  private boolean hasLate() {
    return kind instanceof Trigger.AfterEndOfWindow end && end.late() != null;
  }

  boolean isFinished() {
    return finished;
  }

  private @Nullable ReferenceTrigger firstUnfinished() {
    return parts.stream().filter(part -> !part.finished).findFirst().orElse(null);
  }

  void element(long now) {
    if (kind instanceof Trigger.ElementCount) {
      count++;
    } else if (kind instanceof Trigger.AfterProcessingTime delayed) {
      arrive(now, delayed.transforms());
    } else if (kind instanceof Trigger.AfterSynchronizedProcessingTime) {
      arrive(now, List.of());
    } else if (isTwoPhased() || kind instanceof Trigger.AfterEach) {
      if (merging) {
        parts.forEach(part -> part.element(now));
      } else {
        ReferenceTrigger part = firstUnfinished();
        if (part != null) {
          part.element(now);
        }
      }
    } else if (kind instanceof Trigger.AfterAll) {
      parts.stream().filter(part -> !part.finished).forEach(part -> part.element(now));
    } else {
      parts.forEach(part -> part.element(now));
    }
  }

  private void arrive(long now, List<TimestampTransform> transforms) {
    if (deadline == null) {
      long time = now;
      for (TimestampTransform transform : transforms) {
        time = transform.apply(time);
      }
      deadline = Math.max(time, now + 1);
    }
  }

  boolean ready(boolean past, long now) {
    if (kind instanceof Trigger.Always) {
      return true;
    }
    if (kind instanceof Trigger.Never) {
      return false;
    }
    if (kind instanceof Trigger.ElementCount wanted) {
      return count >= wanted.count();
    }
    if (kind instanceof Trigger.AfterAll) {
      return parts.stream().allMatch(part -> part.finished || part.ready(past, now));
    }
    if (kind instanceof Trigger.AfterAny) {
      return parts.stream().anyMatch(part -> part.finished || part.ready(past, now));
    }
    if (kind instanceof Trigger.AfterEach) {
      ReferenceTrigger part = firstUnfinished();
      return part != null && part.ready(past, now);
    }
    if (kind instanceof Trigger.OrFinally || kind instanceof Trigger.Repeat) {
      return parts.stream().anyMatch(part -> part.ready(past, now));
    }
    if (isTwoPhased()) {
      return parts.get(0).finished
          ? parts.get(1).ready(past, now)
          : past || parts.get(0).ready(past, now);
    }
    if (kind instanceof Trigger.Default || kind instanceof Trigger.AfterEndOfWindow) {
      return past;
    }
    return deadline != null && now >= deadline;
  }

  /** Whether passing the end of the window can make it ready. */
  boolean waitsForEnd() {
    if (isTwoPhased()) {
      return !parts.get(0).finished;
    }
    if (kind instanceof Trigger.AfterEach) {
      ReferenceTrigger part = firstUnfinished();
      return part != null && part.waitsForEnd();
    }
    return kind instanceof Trigger.Always
        || kind instanceof Trigger.Default
        || kind instanceof Trigger.AfterEndOfWindow
        || parts.stream().anyMatch(part -> !part.finished && part.waitsForEnd());
  }

  void fire(boolean past, long now) {
    if (isTwoPhased()) {
      fireTwoPhased(past, now);
    } else if (kind instanceof Trigger.AfterAll) {
      parts.forEach(part -> part.fire(past, now));
      finished = true;
    } else if (kind instanceof Trigger.AfterAny) {
      for (ReferenceTrigger part : parts) {
        if (part.ready(past, now)) {
          part.fire(past, now);
        } else {
          part.forget();
        }
      }
      finished = true;
    } else if (kind instanceof Trigger.AfterEach) {
      ReferenceTrigger part = firstUnfinished();
      if (part != null) {
        part.fire(past, now);
      }
      if (merging) {
        forget();
      }
      finished = firstUnfinished() == null;
    } else if (kind instanceof Trigger.OrFinally) {
      if (parts.get(1).ready(past, now)) {
        parts.get(1).fire(past, now);
        parts.get(0).forget();
      } else {
        parts.get(0).fire(past, now);
      }
      finished = parts.get(0).finished || parts.get(1).finished;
    } else if (kind instanceof Trigger.Repeat) {
      parts.get(0).fireAndStartAgain(past, now);
    } else if (!isEndless()) {
      forget();
      finished = true;
    }
  }

  /** Kinds without parts that never finish. */
  private boolean isEndless() {
    return kind instanceof Trigger.Always
        || kind instanceof Trigger.Never
        || kind instanceof Trigger.Default;
  }

  private void fireTwoPhased(boolean past, long now) {
    ReferenceTrigger early = parts.get(0);
    ReferenceTrigger late = parts.get(1);
    if (!early.finished && !past) {
      early.fireAndStartAgain(past, now);
    } else if (!early.finished) {
      early.restart();
      late.restart();
      early.finished = true;
      finished = !hasLate();
    } else if (hasLate()) {
      late.fireAndStartAgain(past, now);
    } else {
      finished = true;
    }
  }

  private void fireAndStartAgain(boolean past, long now) {
    fire(past, now);
    if (finished) {
      restart();
    }
  }

  /** Forgets the pane. */
  void forget() {
    count = 0;
    deadline = null;
    parts.forEach(ReferenceTrigger::forget);
  }

  private void restart() {
    forget();
    finished = false;
    parts.forEach(ReferenceTrigger::restart);
  }

  /** Takes over what was finished in another one of the same kind. */
  void copyFinished(ReferenceTrigger other) {
    finished = other.finished;
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).copyFinished(other.parts.get(i));
    }
  }

  /** Becomes what merging these makes; before, it has at most what was finished in its window. */
  void merge(List<ReferenceTrigger> sources, boolean past) {
    if (kind instanceof Trigger.ElementCount) {
      if (sources.stream().anyMatch(source -> source.finished)) {
        finished = true;
      } else {
        count = sources.stream().mapToInt(source -> source.count).sum();
      }
    } else if (kind instanceof Trigger.AfterProcessingTime
        || kind instanceof Trigger.AfterSynchronizedProcessingTime) {
      if (!finished) {
        for (ReferenceTrigger source : sources) {
          Long other = source.deadline;
          deadline =
              deadline == null || other == null
                  ? (deadline == null ? other : deadline)
                  : Long.valueOf(Math.min(deadline, other));
        }
      }
    } else if (isTwoPhased()) {
      mergeTwoPhased(sources, past);
    } else if (kind instanceof Trigger.AfterEndOfWindow) {
      finished = past && sources.stream().allMatch(source -> source.finished);
    } else if (kind instanceof Trigger.AfterEach) {
      boolean reached = true;
      for (int i = 0; i < parts.size(); i++) {
        if (reached) {
          mergePart(i, sources, past);
        } else {
          parts.get(i).restart();
        }
        reached &= parts.get(i).finished;
      }
      finished = reached;
    } else {
      for (int i = 0; i < parts.size(); i++) {
        mergePart(i, sources, past);
      }
      if (kind instanceof Trigger.AfterAll) {
        finished = parts.stream().allMatch(part -> part.finished);
      } else if (kind instanceof Trigger.AfterAny || kind instanceof Trigger.OrFinally) {
        finished = parts.stream().anyMatch(part -> part.finished);
      }
    }
  }

  private void mergeTwoPhased(List<ReferenceTrigger> sources, boolean past) {
    boolean over = past && sources.stream().allMatch(source -> source.parts.get(0).finished);
    if (over) {
      parts.get(0).finished = true;
      if (hasLate()) {
        mergePart(1, sources, past);
      } else {
        finished = true;
      }
    } else {
      mergePart(0, sources, past);
      parts.get(0).finished = false;
      parts.get(1).restart();
      finished = false;
    }
  }

  private void mergePart(int index, List<ReferenceTrigger> sources, boolean past) {
    parts.get(index).merge(sources.stream().map(source -> source.parts.get(index)).toList(), past);
  }
}
