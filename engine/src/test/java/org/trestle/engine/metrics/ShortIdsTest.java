package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.metrics.Metrics.sum;
import static org.trestle.engine.metrics.Metrics.varint;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.junit.jupiter.api.Test;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;

class ShortIdsTest {
  private static final Map<String, MonitoringInfo> INFOS =
      Map.of("1", sum("a", 0), "2", sum("b", 0), "3", sum("c", 0));

  /** A worker that knows some short ids, and answers when told to. */
  private static final class TestingWorker implements SdkWorker {
    private final List<List<String>> asked = new ArrayList<>();
    private final List<CompletableFuture<InstructionResponse>> answers = new ArrayList<>();
    private final CompletableFuture<String> lost = new CompletableFuture<>();

    @Override
    public String id() {
      return "worker";
    }

    @Override
    public RunningBundle process(BundleRequest request, BundleReceiver receiver) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<InstructionResponse> instruct(InstructionRequest.Builder request) {
      asked.add(request.getMonitoringInfos().getMonitoringInfoIdList());
      answers.add(new CompletableFuture<>());
      return answers.get(answers.size() - 1);
    }

    @Override
    public CompletableFuture<Void> logsArrived() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<String> lost() {
      return lost;
    }

    void answer(int request) {
      InstructionResponse.Builder response = InstructionResponse.newBuilder();
      Map<String, MonitoringInfo> found = new HashMap<>(INFOS);
      found.keySet().retainAll(asked.get(request));
      response.getMonitoringInfosBuilder().putAllMonitoringInfo(found);
      answers.get(request).complete(response.build());
    }
  }

  private final TestingWorker worker = new TestingWorker();
  private final ShortIds shortIds = new ShortIds();

  private static Map<String, ByteString> data(String... idsAndValues) {
    Map<String, ByteString> data = new TreeMap<>();
    for (int i = 0; i < idsAndValues.length; i += 2) {
      data.put(idsAndValues[i], varint(Long.parseLong(idsAndValues[i + 1])));
    }
    return data;
  }

  private static List<MonitoringInfo> get(CompletableFuture<List<MonitoringInfo>> infos)
      throws Exception {
    return infos.get(10, TimeUnit.SECONDS);
  }

  @Test
  void asksForEachIdOnce() throws Exception {
    CompletableFuture<List<MonitoringInfo>> first =
        shortIds.resolve(worker, data("1", "10", "2", "20"));
    assertThat(first).isNotDone();
    worker.answer(0);
    CompletableFuture<List<MonitoringInfo>> second =
        shortIds.resolve(worker, data("2", "200", "3", "300"));
    worker.answer(1);
    CompletableFuture<List<MonitoringInfo>> third =
        shortIds.resolve(worker, data("1", "1", "2", "2", "3", "3"));

    assertThat(get(first)).containsExactly(sum("a", 10), sum("b", 20));
    assertThat(get(second)).containsExactly(sum("b", 200), sum("c", 300));
    assertThat(get(third)).containsExactly(sum("a", 1), sum("b", 2), sum("c", 3));
    assertThat(worker.asked).containsExactly(List.of("1", "2"), List.of("3"));
  }

  @Test
  void takesFullInfosWithoutAsking() throws Exception {
    assertThat(get(shortIds.resolve(worker, List.of(sum("a", 10)), data("1", "10"))))
        .containsExactly(sum("a", 10));
    assertThat(worker.asked).isEmpty();
  }

  @Test
  void asksForTheIdsOfAnAnswerWithoutFullInfos() throws Exception {
    CompletableFuture<List<MonitoringInfo>> infos =
        shortIds.resolve(worker, List.of(), data("1", "10"));
    worker.answer(0);

    assertThat(get(infos)).containsExactly(sum("a", 10));
  }

  @Test
  void leavesOutIdsThatTheHarnessDoesNotKnow() throws Exception {
    CompletableFuture<List<MonitoringInfo>> infos =
        shortIds.resolve(worker, data("1", "10", "unknown", "1"));
    worker.answer(0);

    assertThat(get(infos)).containsExactly(sum("a", 10));
    assertThat(shortIds.unresolved()).isEqualTo(1);
  }

  @Test
  void goesOnWithKnownIdsWhenTheLookUpFails() throws Exception {
    CompletableFuture<List<MonitoringInfo>> known = shortIds.resolve(worker, data("1", "10"));
    worker.answer(0);
    CompletableFuture<List<MonitoringInfo>> infos =
        shortIds.resolve(worker, data("1", "11", "2", "20"));
    worker.answers.get(1).completeExceptionally(new BundleFailedException("no such request"));

    assertThat(get(known)).containsExactly(sum("a", 10));
    assertThat(get(infos)).containsExactly(sum("a", 11));
    assertThat(shortIds.unresolved()).isEqualTo(1);
  }

  @Test
  void doesNotWaitPastTheDeadline() throws Exception {
    ShortIds impatient = new ShortIds(Duration.ofMillis(1));
    assertThat(get(impatient.resolve(worker, data("1", "10")))).isEmpty();
    assertThat(impatient.unresolved()).isEqualTo(1);
  }

  @Test
  void asksAgainAfterTheWorkerWasLost() {
    CompletableFuture<List<MonitoringInfo>> before = shortIds.resolve(worker, data("1", "10"));
    worker.answer(0);
    worker.lost.complete("stream closed");
    CompletableFuture<List<MonitoringInfo>> after = shortIds.resolve(worker, data("1", "10"));

    assertThat(before).isDone();
    assertThat(after).isNotDone();
    assertThat(worker.asked).hasSize(2);
  }
}
