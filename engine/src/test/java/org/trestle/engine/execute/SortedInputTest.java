package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingSdk.numberOf;
import static org.trestle.engine.execute.TestingSdk.pair;
import static org.trestle.engine.execute.TestingSdk.string;
import static org.trestle.engine.execute.TestingService.newPipeline;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Job;

/** Jobs with a transform whose input must be sorted by time, or the same in every attempt. */
class SortedInputTest {
  private static final int ELEMENTS = 5000;

  @TempDir Path folder;
  private TestingService service;
  private final Map<String, List<Long>> seen = new ConcurrentHashMap<>();

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  private static Pipeline sorted() {
    return newPipeline()
        .impulse("start")
        .parDo("make", "start", "kv")
        .parDo(
            "ordered",
            "make",
            "kv",
            "py",
            payload ->
                payload
                    .setRequiresTimeSortedInput(true)
                    .putTimerFamilySpecs(
                        "end",
                        TimerFamilySpec.newBuilder()
                            .setTimeDomain(TimeDomain.Enum.EVENT_TIME)
                            .setTimerFamilyCoderId("custom")
                            .build()))
        .reshuffle("apart", "ordered", "kv")
        .parDo("collect", "apart", "kv")
        .build();
  }

  /** Makes numbers of three keys in any order; the number is the time. */
  private TestingSdk sdk() {
    return new TestingSdk()
        .on(
            "make",
            element -> {
              List<Integer> numbers = new ArrayList<>();
              for (int i = 0; i < ELEMENTS; i++) {
                numbers.add(i);
              }
              Collections.shuffle(numbers, new Random(7));
              for (int number : numbers) {
                element.emitAt(number, pair("key " + number % 3, number));
              }
            })
        .on(
            "ordered",
            element -> {
              var number = numberOf(element.value());
              seen.computeIfAbsent(number.key(), key -> new CopyOnWriteArrayList<>())
                  .addAll(number.numbers());
              element.setTimer("end", string(number.key()), ELEMENTS);
            })
        .onTimer(
            "ordered",
            (element, family) ->
                seen.computeIfAbsent(element.value().substring(1).toStringUtf8(), key -> List.of())
                    .add(-1L));
  }

  private void assertInOrder() {
    assertThat(seen).containsOnlyKeys("key 0", "key 1", "key 2");
    for (int key = 0; key < 3; key++) {
      List<Long> expected = new ArrayList<>();
      for (long number = key; number < ELEMENTS; number += 3) {
        expected.add(number);
      }
      expected.add(-1L); // the timer
      assertThat(seen.get("key " + key)).isEqualTo(expected);
    }
  }

  @Test
  void elementsOfAKeyComeInTheOrderOfTheirTimestamps() throws Exception {
    service.harnesses(sdk());

    Job job = service.run(sorted());

    assertInOrder();
    assertThat(job.execution().explain()).contains("ordered/SortByTime", "sorts by time");
  }

  @Test
  void sortsOnDiskWhenThereIsNoMemory() throws Exception {
    service.close();
    service =
        new TestingService(
            new EngineOptions(
                0, folder, 2, 1, 4, Duration.ofMillis(100), 8, Duration.ofMinutes(5)));
    service.harnesses(sdk());

    service.run(sorted());

    assertInOrder();
  }

  @Test
  void stableInputIsTheSameInEveryAttempt() throws Exception {
    List<List<ByteString>> attempts = new CopyOnWriteArrayList<>();
    TestingSdk sdk =
        sdk()
            .on(
                "stable",
                element -> {
                  List<ByteString> attempt = attempts.get(attempts.size() - 1);
                  attempt.add(element.value());
                  if (attempts.size() == 1 && attempt.size() == 100) {
                    throw new IllegalStateException("once");
                  }
                });
    service.harnesses(
        bundle -> {
          if (bundle.descriptor().containsTransforms("stable")) {
            attempts.add(new ArrayList<>());
          }
          sdk.run(bundle);
        });
    Pipeline pipeline =
        newPipeline()
            .impulse("start")
            .parDo("make", "start", "kv")
            .parDo("stable", "make", "kv", "py", payload -> payload.setRequiresStableInput(true))
            .reshuffle("apart", "stable", "kv")
            .parDo("collect", "apart", "kv")
            .build();

    service.run(pipeline);

    List<ByteString> failed = attempts.get(0);
    assertThat(failed).hasSize(100);
    assertThat(attempts.subList(1, attempts.size()))
        .anyMatch(attempt -> attempt.size() > 100 && attempt.subList(0, 100).equals(failed));
    assertThat(attempts.stream().skip(1).mapToInt(List::size).sum()).isEqualTo(ELEMENTS);
  }
}
