package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.shuffle.TestingElements.interval;
import static org.trestle.engine.shuffle.TestingElements.prefixed;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;
import org.trestle.proto.Urns;

/** What people are shown of a bundle that has failed for good. */
class ElementSampleTest {
  private final BlockStore store =
      new BlockStore(new MemoryBudget(1 << 20), TestingElements.files());

  @AfterEach
  void close() {
    store.close();
  }

  /** Work of blocks with one element for each value. */
  private BundleWork work(List<List<String>> blocks) {
    List<ElementBlock> written = new ArrayList<>();
    StageOutput output =
        new StageOutput(
            new EdgeTarget(new EdgeId("out"), TestingElements.keyedIntervals(), 0, 1, 1), store);
    for (List<String> values : blocks) {
      EdgeWriter writer = output.newWriter();
      for (String value : values) {
        ByteSink sink = new ByteSink();
        TestingElements.write(sink, 1, List.of(interval(0, 9)), prefixed("k"), prefixed(value));
        writer.append(sink.toByteString());
      }
      writer.finish().keyed().forEach(block -> written.add(block.block()));
    }
    return new BundleWork(
        new BundleId(1),
        new StageId("s"),
        List.of(),
        written,
        List.of(),
        false,
        Attempts.NONE,
        0,
        0);
  }

  @Test
  void showsTheFirstElementsIfNothingIsKnown() {
    BundleWork work = work(List.of(List.of("pearl"), List.of("opal", "jade", "onyx")));
    assertThat(ElementSample.report("s", work, OptionalLong.empty()))
        .hasValueSatisfying(
            text ->
                assertThat(text)
                    .startsWith(
                        "the bundle of stage s that failed has 4 elements; from number 1 on, as"
                            + " encoded: \n")
                    .contains("pearl", "opal", "jade")
                    .doesNotContain("onyx"));
  }

  @Test
  void showsTheElementThatTheWorkerWasAt() {
    BundleWork work = work(List.of(List.of("pearl", "opal"), List.of("jade", "onyx")));
    assertThat(ElementSample.report("s", work, OptionalLong.of(2)))
        .hasValueSatisfying(
            text ->
                assertThat(text)
                    .startsWith(
                        "the bundle of stage s that failed has 4 elements; its worker was last seen"
                            + " at number 3; from number 3 on, as encoded: \n")
                    .contains("jade", "onyx")
                    .doesNotContain("pearl", "opal"));
  }

  @Test
  void showsAllElementsOfASmallBundle() {
    assertThat(
            ElementSample.report("s", work(List.of(List.of("pearl", "opal"))), OptionalLong.of(1)))
        .hasValueSatisfying(text -> assertThat(text).contains("at number 2", "pearl", "opal"));
  }

  @Test
  void passesOverAPlaceThatTheBundleDoesNotHave() {
    BundleWork work = work(List.of(List.of("pearl")));
    for (long nowhere : new long[] {-1, 1, Long.MAX_VALUE}) {
      assertThat(ElementSample.report("s", work, OptionalLong.of(nowhere)))
          .hasValueSatisfying(
              text -> assertThat(text).contains("pearl").doesNotContain("last seen"));
    }
  }

  @Test
  void saysNothingOfABundleWithoutElements() {
    assertThat(ElementSample.report("s", work(List.of()), OptionalLong.of(0))).isEmpty();
  }

  @Test
  void readsWhereAHarnessIs() {
    MonitoringInfo.Builder index =
        MonitoringInfo.newBuilder()
            .setUrn(Urns.of(MonitoringInfoSpecs.Enum.DATA_CHANNEL_READ_INDEX));
    MonitoringInfo other = MonitoringInfo.newBuilder().setUrn("beam:metric:other:v1").build();
    MonitoringInfo told = index.setPayload(bytes(0xac, 0x02)).build();
    assertThat(ReadIndex.of(List.of(other, told))).hasValue(300);
    assertThat(ReadIndex.of(List.of(other))).isEmpty();
    assertThat(ReadIndex.of(List.of(index.setPayload(bytes(0xac)).build()))).isEmpty();
  }

  private static ByteString bytes(int... values) {
    ByteString.Output output = ByteString.newOutput();
    for (int value : values) {
      output.write(value);
    }
    return output.toByteString();
  }
}
