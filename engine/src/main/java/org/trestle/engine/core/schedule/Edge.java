package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.watermark.HoldMultiset;

/** An edge between stages: its watermark, and who waits for it. */
final class Edge {
  private final EdgeId id;
  private final HoldMultiset producers = new HoldMultiset();
  private final List<StageState> consumers = new ArrayList<>();
  private final List<StageState> sideConsumers = new ArrayList<>();
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
