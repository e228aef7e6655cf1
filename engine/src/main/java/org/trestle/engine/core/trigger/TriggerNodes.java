package org.trestle.engine.core.trigger;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes the nodes of a trigger and gives each its place in the state. */
final class TriggerNodes {
  private final boolean merging;
  private final TriggerNode root;
  private final int bitWords;
  private final List<Long> slots = new ArrayList<>();
  private int nextIndex;

  TriggerNodes(Trigger trigger, boolean merging) {
    this.merging = merging;
    this.bitWords = (count(trigger) + Long.SIZE - 1) / Long.SIZE;
    this.root = node(trigger);
  }

  TriggerNode root() {
    return root;
  }

  /** How many words hold the bits of finished parts; the slots come after them. */
  int bitWords() {
    return bitWords;
  }

  /** The words of a state at the beginning. */
  long[] initialWords() {
    long[] words = new long[bitWords + slots.size()];
    for (int i = 0; i < slots.size(); i++) {
      words[bitWords + i] = slots.get(i);
    }
    return words;
  }

  /** An upper bound of the nodes of a trigger. */
  private static int count(Trigger trigger) {
    int count = 1;
    for (Trigger part : parts(trigger)) {
      count += count(part);
    }
    return count;
  }

  private static List<Trigger> parts(Trigger trigger) {
    if (trigger instanceof Trigger.AfterAll all) {
      return all.subtriggers();
    }
    if (trigger instanceof Trigger.AfterAny any) {
      return any.subtriggers();
    }
    if (trigger instanceof Trigger.AfterEach each) {
      return each.subtriggers();
    }
    if (trigger instanceof Trigger.AfterEndOfWindow end) {
      if (end.early() == null && end.late() == null) {
        return List.of();
      }
      Trigger early = end.early() == null ? new Trigger.Never() : end.early();
      return end.late() == null ? List.of(early) : List.of(early, end.late());
    }
    if (trigger instanceof Trigger.OrFinally or) {
      return Arrays.asList(or.main(), or.until());
    }
    return trigger instanceof Trigger.Repeat repeat ? List.of(repeat.subtrigger()) : List.of();
  }

  private TriggerNode node(Trigger trigger) {
    int index = nextIndex++;
    List<TriggerNode> parts = new ArrayList<>();
    for (Trigger part : parts(trigger)) {
      parts.add(node(part));
    }
    return parts.isEmpty() ? leaf(trigger, index) : composite(trigger, index, List.copyOf(parts));
  }

  private TriggerNode leaf(Trigger trigger, int index) {
    if (trigger instanceof Trigger.ElementCount elements) {
      return new LeafNodes.Count(index, slot(0), elements.count());
    }
    if (trigger instanceof Trigger.AfterProcessingTime delay) {
      return new LeafNodes.Delay(index, slot(LeafNodes.NO_TIME), delay.transforms());
    }
    if (trigger instanceof Trigger.AfterSynchronizedProcessingTime) {
      return new LeafNodes.Delay(index, slot(LeafNodes.NO_TIME), List.of());
    }
    if (trigger instanceof Trigger.Default) {
      return new LeafNodes.EndOfWindow(index, false);
    }
    if (trigger instanceof Trigger.AfterEndOfWindow) {
      return new LeafNodes.EndOfWindow(index, true);
    }
    return new LeafNodes.Constant(index, trigger instanceof Trigger.Always);
  }

  private TriggerNode composite(Trigger trigger, int index, List<TriggerNode> parts) {
    if (trigger instanceof Trigger.AfterAll) {
      return new CompositeNodes.All(index, parts);
    }
    if (trigger instanceof Trigger.AfterAny) {
      return new CompositeNodes.Any(index, parts);
    }
    if (trigger instanceof Trigger.AfterEach) {
      return new CompositeNodes.Each(index, parts, merging);
    }
    if (trigger instanceof Trigger.AfterEndOfWindow) {
      return new CompositeNodes.EarlyAndLate(index, parts, merging);
    }
    if (trigger instanceof Trigger.OrFinally) {
      return new CompositeNodes.OrFinally(index, parts);
    }
    return new CompositeNodes.Repeat(index, parts);
  }

  private int slot(long initial) {
    slots.add(initial);
    return bitWords + slots.size() - 1;
  }
}
