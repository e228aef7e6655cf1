package org.trestle.engine.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Adds up the metrics of many bundles, by URN, type and labels. Safe for use by several threads.
 *
 * <p>The final response of a bundle holds the bundle's own contribution, so each successful bundle
 * is added exactly once; responses to progress requests are not added.
 *
 * <p>An unknown type keeps the payload reported last. A payload that does not have its type's
 * format is dropped: it never fails a bundle. The first one is logged, and all are counted.
 */
public final class MetricsAccumulator {
  private static final Logger LOG = LoggerFactory.getLogger(MetricsAccumulator.class);

  /** Bound on distinct metrics: names and labels come from user code. */
  static final int MAX_METRICS = 100_000;

  private static final Comparator<Listed> ORDER =
      Comparator.comparing((Listed listed) -> listed.info.getUrn())
          .thenComparing(listed -> listed.info.getType())
          .thenComparing(Listed::labels);

  @GuardedBy("this")
  private final Map<Key, Cell<?>> cells = new HashMap<>();

  @GuardedBy("this")
  private long dropped;

  private record Key(String urn, String type, Map<String, String> labels) {}

  /** A metric of a snapshot, with its labels in order as a text to sort by. */
  private record Listed(String labels, MonitoringInfo info) {}

  /** A metric's state with the rules of its type. */
  private record Cell<S>(Aggregation<S> aggregation, S state) {

    static <S> Cell<S> of(Aggregation<S> aggregation, ByteString payload)
        throws MalformedPayloadException {
      return new Cell<>(aggregation, aggregation.decode(payload));
    }

    Cell<S> plus(ByteString payload) throws MalformedPayloadException {
      return new Cell<>(aggregation, aggregation.combine(state, aggregation.decode(payload)));
    }

    /** Joins two cells of the same key, which therefore have the same aggregation. */
    @SuppressWarnings("unchecked")
    Cell<S> plus(Cell<?> other) throws MalformedPayloadException {
      return new Cell<>(aggregation, aggregation.combine(state, (S) other.state));
    }

    @Nullable ByteString payload() {
      return aggregation.encode(state);
    }
  }

  /** Adds what one bundle reported. */
  public synchronized void add(Collection<MonitoringInfo> infos) {
    for (MonitoringInfo info : infos) {
      String type = info.getType().isEmpty() ? MetricTypes.typeOf(info.getUrn()) : info.getType();
      Key key = new Key(info.getUrn(), type, info.getLabelsMap());
      try {
        Cell<?> cell = cells.get(key);
        if (cell != null) {
          cells.put(key, cell.plus(info.getPayload()));
        } else if (cells.size() < MAX_METRICS) {
          cells.put(key, Cell.of(MetricTypes.aggregation(type), info.getPayload()));
        } else {
          drop(key, "there are " + MAX_METRICS + " metrics already");
        }
      } catch (MalformedPayloadException e) {
        drop(key, String.valueOf(e.getMessage()));
      }
    }
  }

  /** Adds all that another accumulator holds now. */
  public void addAll(MetricsAccumulator other) {
    Map<Key, Cell<?>> added;
    long droppedThere;
    synchronized (other) {
      added = new HashMap<>(other.cells);
      droppedThere = other.dropped;
    }
    synchronized (this) {
      dropped += droppedThere;
      added.forEach(this::join);
    }
  }

  @GuardedBy("this")
  private void join(Key key, Cell<?> added) {
    try {
      Cell<?> cell = cells.get(key);
      if (cell != null) {
        cells.put(key, cell.plus(added));
      } else if (cells.size() < MAX_METRICS) {
        cells.put(key, added);
      } else {
        drop(key, "there are " + MAX_METRICS + " metrics already");
      }
    } catch (MalformedPayloadException e) {
      drop(key, String.valueOf(e.getMessage()));
    }
  }

  @GuardedBy("this")
  private void drop(Key key, String reason) {
    if (dropped == 0) {
      LOG.warn(
          "metric dropped: {} of type {} with labels {}: {} (later ones are counted only)",
          key.urn(),
          key.type(),
          key.labels(),
          reason);
    }
    dropped++;
  }

  /** Returns the metrics as they are now, ordered by URN, type and labels. */
  public List<MonitoringInfo> snapshot() {
    Map<Key, Cell<?>> seen;
    synchronized (this) {
      seen = new HashMap<>(cells);
    }
    List<Listed> listed = new ArrayList<>(seen.size());
    seen.forEach(
        (key, cell) -> {
          ByteString payload = cell.payload();
          if (payload != null) {
            Map<String, String> labels = new TreeMap<>(key.labels());
            MonitoringInfo.Builder info =
                MonitoringInfo.newBuilder()
                    .setUrn(key.urn())
                    .setType(key.type())
                    .putAllLabels(labels)
                    .setPayload(payload);
            listed.add(new Listed(labels.toString(), info.build()));
          }
        });
    listed.sort(ORDER);
    return listed.stream().map(Listed::info).toList();
  }

  /** Returns how many payloads were dropped. */
  public synchronized long dropped() {
    return dropped;
  }
}
