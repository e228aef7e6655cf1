package org.trestle.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.jobmanagement.v1.JobApi;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrie;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrieNode;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.sdk.coders.IterableCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.metrics.DistributionResult;
import org.apache.beam.sdk.metrics.MetricNameFilter;
import org.apache.beam.sdk.metrics.MetricQueryResults;
import org.apache.beam.sdk.metrics.MetricResult;
import org.apache.beam.sdk.metrics.MetricsFilter;
import org.apache.beam.sdk.util.HistogramData;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

final class JobMetricsTest {
  private static final String SUM = "beam:metric:user:sum_int64:v1";
  private static final Map<String, String> STEPS = Map.of("id-7", "Outer/Inner");

  private static MonitoringInfo info(String urn, String name, ByteString payload) {
    return MonitoringInfo.newBuilder()
        .setUrn(urn)
        .putLabels("PTRANSFORM", "id-7")
        .putLabels("NAMESPACE", "ns")
        .putLabels("NAME", name)
        .setPayload(payload)
        .build();
  }

  private static ByteString longs(long... values) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (long value : values) {
      VarLongCoder.of().encode(value, out);
    }
    return ByteString.copyFrom(out.toByteArray());
  }

  private static MetricQueryResults attempted(MonitoringInfo... infos) {
    return new JobMetrics(
            JobApi.MetricResults.newBuilder().addAllAttempted(List.of(infos)).build(), STEPS)
        .allMetrics();
  }

  @Test
  void joinsAttemptedAndCommittedValuesOfACounter() throws IOException {
    JobMetrics metrics =
        new JobMetrics(
            JobApi.MetricResults.newBuilder()
                .addAttempted(info(SUM, "words", longs(12)))
                .addCommitted(info(SUM, "words", longs(10)))
                .build(),
            STEPS);

    MetricResult<Long> counter = metrics.allMetrics().getCounters().iterator().next();

    assertThat(counter.getAttempted()).isEqualTo(12);
    assertThat(counter.getCommitted()).isEqualTo(10);
    assertThat(counter.getKey().stepName()).isEqualTo("Outer/Inner");
    assertThat(counter.getName().getNamespace()).isEqualTo("ns");
  }

  @Test
  void counterWithoutCommittedValueHasNone() throws IOException {
    MetricResult<Long> counter =
        attempted(info(SUM, "words", longs(12))).getCounters().iterator().next();

    assertThat(counter.getAttempted()).isEqualTo(12);
    assertThat(counter.hasCommitted()).isFalse();
  }

  @Test
  void readsDistributionsAndGauges() throws IOException {
    MetricQueryResults results =
        attempted(
            info("beam:metric:user:distribution_int64:v1", "sizes", longs(3, 30, -5, 20)),
            info("beam:metric:user:latest_int64:v1", "level", longs(1_700_000_000_123L, 42)));

    assertThat(results.getDistributions().iterator().next().getAttempted())
        .isEqualTo(DistributionResult.create(30, 3, -5, 20));
    assertThat(results.getGauges().iterator().next().getAttempted().getValue()).isEqualTo(42);
    assertThat(results.getGauges().iterator().next().getAttempted().getTimestamp())
        .isEqualTo(Instant.ofEpochMilli(1_700_000_000_123L));
  }

  @Test
  void readsStringSets() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    IterableCoder.of(StringUtf8Coder.of()).encode(List.of("a", "b"), out);
    ByteString payload = ByteString.copyFrom(out.toByteArray());

    MetricQueryResults results =
        attempted(info("beam:metric:user:set_string:v1", "names", payload));

    assertThat(results.getStringSets().iterator().next().getAttempted().getStringSet())
        .containsExactlyInAnyOrder("a", "b");
  }

  @Test
  void readsBoundedTriesAsPathsThatSayWhetherTheyWereCut() {
    BoundedTrieNode leaf = BoundedTrieNode.getDefaultInstance();
    BoundedTrieNode cut = BoundedTrieNode.newBuilder().setTruncated(true).build();
    BoundedTrie trie =
        BoundedTrie.newBuilder()
            .setRoot(
                BoundedTrieNode.newBuilder().putChildren("a", leaf).putChildren("b", cut).build())
            .build();
    BoundedTrie single = BoundedTrie.newBuilder().addSingleton("x").addSingleton("y").build();

    MetricQueryResults results =
        attempted(
            info("beam:metric:user:bounded_trie:v1", "many", trie.toByteString()),
            info("beam:metric:user:bounded_trie:v1", "one", single.toByteString()));

    assertThat(results.getBoundedTries())
        .extracting(r -> r.getAttempted().getResult())
        .containsExactly(
            Set.of(List.of("a", "false"), List.of("b", "true")),
            Set.of(List.of("x", "y", "false")));
  }

  @Test
  void readsHistograms() {
    HistogramData data = HistogramData.linear(0, 10, 5);
    data.record(12);

    MetricQueryResults results =
        attempted(
            info("beam:metric:user:histogram_int64:v1", "times", data.toProto().toByteString()));

    assertThat(results.getHistograms().iterator().next().getAttempted().getTotalCount())
        .isEqualTo(1);
  }

  @Test
  void leavesOutWhatIsMalformedOrOfTheSystem() throws IOException {
    MetricQueryResults results =
        attempted(
            info(SUM, "broken", ByteString.EMPTY),
            info("beam:metric:element_count:v1", "elements", longs(1)),
            info(SUM, "good", longs(1)));

    assertThat(results.getCounters())
        .extracting(r -> r.getName().getName())
        .containsExactly("good");
  }

  @Test
  void filterChoosesByNameAndStep() throws IOException {
    JobMetrics metrics =
        new JobMetrics(
            JobApi.MetricResults.newBuilder()
                .addAttempted(info(SUM, "words", longs(1)))
                .addAttempted(info(SUM, "lines", longs(1)))
                .build(),
            STEPS);

    assertThat(
            metrics
                .queryMetrics(
                    MetricsFilter.builder()
                        .addNameFilter(MetricNameFilter.named("ns", "lines"))
                        .addStep("Outer")
                        .build())
                .getCounters())
        .extracting(r -> r.getName().getName())
        .containsExactly("lines");
    assertThat(
            metrics
                .queryMetrics(MetricsFilter.builder().addStep("Inner/Outer").build())
                .getCounters())
        .isEmpty();
  }
}
