package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.MonitoringInfosMetadataRequest;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.SdkWorker;

/**
 * Turns the short ids of metrics back into monitoring infos. Safe for use by several threads; no
 * method blocks.
 *
 * <p>A harness names a metric by a short id of its own making, valid as long as its control stream.
 * What an id means is asked once and kept until the worker is lost.
 */
public final class ShortIds {
  private static final Logger LOG = LoggerFactory.getLogger(ShortIds.class);

  /** Bound on the ids kept for one worker; ids past it are asked each time. */
  static final int MAX_KEPT = 100_000;

  private final ConcurrentHashMap<String, ConcurrentHashMap<String, MonitoringInfo>> byWorker =
      new ConcurrentHashMap<>();
  private final AtomicLong unresolved = new AtomicLong();
  private final Duration deadline;

  /** Creates a cache whose look-ups wait at most 30 seconds. */
  public ShortIds() {
    this(Duration.ofSeconds(30));
  }

  /**
   * Creates a cache.
   *
   * @param deadline how long a look-up may wait for the harness
   */
  public ShortIds(Duration deadline) {
    this.deadline = deadline;
  }

  /**
   * Returns the metrics of a harness's answer: the full ones if it has any, else those that its
   * short ids name.
   *
   * @return never completes exceptionally, see {@link #resolve(SdkWorker, Map)}
   */
  public CompletableFuture<List<MonitoringInfo>> resolve(
      SdkWorker worker, List<MonitoringInfo> full, Map<String, ByteString> data) {
    return full.isEmpty() ? resolve(worker, data) : CompletableFuture.completedFuture(full);
  }

  /**
   * Returns monitoring infos for payloads by short id, in the order of {@code data}.
   *
   * @return never completes exceptionally: metrics whose id the harness does not know, or does not
   *     explain in time, are left out and counted
   */
  public CompletableFuture<List<MonitoringInfo>> resolve(
      SdkWorker worker, Map<String, ByteString> data) {
    Map<String, MonitoringInfo> known = knownOf(worker);
    List<String> unknown = new ArrayList<>();
    for (String id : data.keySet()) {
      if (!known.containsKey(id)) {
        unknown.add(id);
      }
    }
    if (unknown.isEmpty()) {
      return CompletableFuture.completedFuture(join(worker, data, known, Map.of()));
    }
    InstructionRequest.Builder request =
        InstructionRequest.newBuilder()
            .setMonitoringInfos(
                MonitoringInfosMetadataRequest.newBuilder().addAllMonitoringInfoId(unknown));
    return worker
        .instruct(request)
        .thenApply(response -> response.getMonitoringInfos().getMonitoringInfoMap())
        .orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(
            failure -> {
              LOG.warn(
                  "worker {}: metrics could not be looked up: {}", worker.id(), failure.toString());
              return Map.of();
            })
        .thenApply(
            found -> {
              found.forEach(
                  (id, info) -> {
                    if (known.size() < MAX_KEPT) {
                      known.put(id, info.toBuilder().clearPayload().build());
                    }
                  });
              return join(worker, data, known, found);
            });
  }

  /** Returns how many metrics were left out because their short id stayed unknown. */
  public long unresolved() {
    return unresolved.get();
  }

  private Map<String, MonitoringInfo> knownOf(SdkWorker worker) {
    ConcurrentHashMap<String, MonitoringInfo> known = byWorker.get(worker.id());
    if (known != null) {
      return known;
    }
    ConcurrentHashMap<String, MonitoringInfo> created =
        byWorker.computeIfAbsent(worker.id(), id -> new ConcurrentHashMap<>());
    var unused = worker.lost().whenComplete((how, failure) -> byWorker.remove(worker.id()));
    return created;
  }

  private List<MonitoringInfo> join(
      SdkWorker worker,
      Map<String, ByteString> data,
      Map<String, MonitoringInfo> known,
      Map<String, MonitoringInfo> found) {
    List<MonitoringInfo> infos = new ArrayList<>(data.size());
    List<String> missing = new ArrayList<>();
    data.forEach(
        (id, payload) -> {
          MonitoringInfo info = known.getOrDefault(id, found.get(id));
          if (info == null || info.getUrn().isEmpty()) {
            missing.add(id);
          } else {
            infos.add(info.toBuilder().setPayload(payload).build());
          }
        });
    if (!missing.isEmpty() && unresolved.getAndAdd(missing.size()) == 0) {
      LOG.warn(
          "worker {}: {} metrics left out, their short ids are unknown to it, such as {}"
              + " (later ones are counted only)",
          worker.id(),
          missing.size(),
          missing.get(0));
    }
    return infos;
  }
}
