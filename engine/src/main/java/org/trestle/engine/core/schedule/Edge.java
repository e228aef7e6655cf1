package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.watermark.HoldMultiset;

/** An edge between stages: its watermark, and who waits for it. */
final class Edge {
  private final EdgeId id;
  private final HoldMultiset producers = new HoldMultiset();
  private final List<StageState> consumers = new ArrayList<>();
  private final List<StageState> sideConsumers = new ArrayList<>();
  private boolean hasKeyedConsumers;
  private boolean hasPlainConsumers;
  private int openProducers;
  private long watermark = EventTime.MIN;
  private boolean complete;

  Edge(EdgeId id) {
    this.id = id;
  }

  void addProducer() {
    openProducers++;
    producers.add(EventTime.MIN);
  }

  /** A stage that lists the edge twice is added twice, and gets every element twice. */
  void addConsumer(StageState stage) {
    consumers.add(stage);
    hasKeyedConsumers |= stage.spec().keyed();
    hasPlainConsumers |= !stage.spec().keyed();
  }

  /** Why the consumers would miss some of these elements; null if they would not. */
  @Nullable String refuse(EdgeOutput output, int keyGroups) {
    long plain = 0;
    for (ElementBlock block : output.blocks()) {
      plain += block.count();
    }
    long keyed = 0;
    for (KeyGroupBlock block : output.keyed()) {
      keyed += block.block().count();
      if (block.keyGroup() < 0 || block.keyGroup() >= keyGroups) {
        return "edge " + id + " has no key group " + block.keyGroup();
      }
    }
    boolean plainMissed = hasPlainConsumers && plain < keyed;
    boolean keyedMissed = hasKeyedConsumers && keyed < plain;
    return plainMissed || keyedMissed
        ? "edge " + id + " got " + plain + " elements, and " + keyed + " by key group"
        : null;
  }

  void addSideConsumer(StageState stage) {
    sideConsumers.add(stage);
  }

  /** Moves a producer's watermark, and tells whether the edge's watermark moved with it. */
  boolean advance(long from, long to) {
    producers.move(from, to);
    return updateWatermark(producers.min());
  }

  private boolean updateWatermark(long now) {
    if (now == watermark) {
      return false;
    }
    long before = watermark;
    watermark = now;
    for (StageState consumer : consumers) {
      consumer.upstreamAdvanced(before, now);
    }
    for (StageState consumer : sideConsumers) {
      consumer.sideInputAdvanced(id, now);
    }
    return true;
  }

  /** One producer less to wait for. Returns whether it was the last one. */
  boolean producerCompleted() {
    openProducers--;
    return openProducers == 0;
  }

  /** Ends the edge. */
  void end() {
    complete = true;
    updateWatermark(EventTime.MAX);
    for (StageState consumer : consumers) {
      consumer.inputCompleted();
    }
    for (StageState consumer : sideConsumers) {
      consumer.sideInputCompleted();
    }
  }

  EdgeId id() {
    return id;
  }

  List<StageState> consumers() {
    return consumers;
  }

  List<StageState> sideConsumers() {
    return sideConsumers;
  }

  boolean hasProducers() {
    return openProducers > 0;
  }

  long watermark() {
    return watermark;
  }

  boolean isComplete() {
    return complete;
  }
}
