package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.metrics.Metrics.added;
import static org.trestle.engine.metrics.Metrics.metric;
import static org.trestle.engine.metrics.Metrics.sum;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.junit.jupiter.api.Test;

class MetricsAccumulatorTest {

  @Test
  void keepsMetricsApartThatDifferInUrnTypeOrLabels() {
    MonitoringInfo info = sum("a", 1);
    List<MonitoringInfo> apart =
        List.of(
            info,
            info.toBuilder().setUrn("other").build(),
            info.toBuilder().setType("beam:metrics:latest_int64:v1").setPayload(latest()).build(),
            info.toBuilder().putLabels("NAME", "b").build(),
            info.toBuilder().removeLabels("NAME").build());
    MetricsAccumulator metrics = new MetricsAccumulator();

    metrics.add(apart);

    assertThat(metrics.snapshot()).containsExactlyInAnyOrderElementsOf(apart);
  }

  private static ByteString latest() {
    return new PayloadWriter().varint(1).varint(2).payload();
  }

  @Test
  void listsMetricsInTheSameOrderHoweverTheyCame() {
    List<MonitoringInfo> infos =
        IntStream.range(0, 200).mapToObj(i -> sum("metric " + i, i)).toList();
    List<MonitoringInfo> reversed = new ArrayList<>(infos);
    Collections.reverse(reversed);
    MetricsAccumulator metrics = new MetricsAccumulator();
    MetricsAccumulator backwards = new MetricsAccumulator();

    metrics.add(infos);
    backwards.add(reversed);

    assertThat(metrics.snapshot()).hasSize(200).isEqualTo(backwards.snapshot());
  }

  @Test
  void doublesWhenAddedToItself() {
    MetricsAccumulator metrics = new MetricsAccumulator();
    metrics.add(List.of(sum("a", 21)));

    metrics.addAll(metrics);

    assertThat(metrics.snapshot()).containsExactly(sum("a", 42));
  }

  @Test
  void countsWhatTheOtherAccumulatorDropped() {
    MetricsAccumulator metrics = new MetricsAccumulator();
    MetricsAccumulator other = new MetricsAccumulator();
    other.add(List.of(metric(Metrics.SUM, ByteString.EMPTY)));

    metrics.addAll(other);

    assertThat(metrics.dropped()).isEqualTo(1);
  }

  @Test
  void boundsTheNumberOfMetrics() {
    MetricsAccumulator metrics = new MetricsAccumulator();
    metrics.add(
        IntStream.range(0, MetricsAccumulator.MAX_METRICS + 3)
            .mapToObj(i -> sum("metric " + i, 1))
            .toList());
    metrics.add(List.of(sum("metric 0", 1)));

    assertThat(metrics.snapshot()).hasSize(MetricsAccumulator.MAX_METRICS);
    assertThat(metrics.snapshot()).contains(sum("metric 0", 2));
    assertThat(metrics.dropped()).isEqualTo(3);
  }

  @Test
  void addsFromManyThreads() throws Exception {
    MetricsAccumulator metrics = new MetricsAccumulator();
    MetricsAccumulator total = new MetricsAccumulator();
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      CountDownLatch start = new CountDownLatch(4);
      List<Future<?>> tasks = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        tasks.add(
            threads.submit(
                () -> {
                  start.countDown();
                  start.await();
                  for (int i = 0; i < 1_000; i++) {
                    metrics.add(List.of(sum("a", 1), sum("b", 2)));
                    total.addAll(new MetricsAccumulator());
                  }
                  return null;
                }));
      }
      for (Future<?> task : tasks) {
        task.get(30, TimeUnit.SECONDS);
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(metrics.snapshot()).containsExactly(sum("a", 4_000), sum("b", 8_000));
  }

  @Test
  void keepsTheBestOfManyLongLists() {
    PayloadWriter all = new PayloadWriter();
    ByteString thousands =
        all.iterable(LongStream.range(0, 5_000).boxed().toList(), all::varint).payload();
    PayloadWriter best = new PayloadWriter();
    ByteString expected =
        best.iterable(
                LongStream.iterate(4_999, i -> i - 1).limit(Extremes.MAX_KEPT).boxed().toList(),
                best::varint)
            .payload();
    assertThat(added("beam:metrics:top_n_int64:v1", thousands)).isEqualTo(expected);
  }
}
