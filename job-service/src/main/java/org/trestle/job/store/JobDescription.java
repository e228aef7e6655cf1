package org.trestle.job.store;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.trestle.job.event.JobEvent.StateChange;

/**
 * What is known of a job beside its pipeline, events and figures.
 *
 * @param options as the SDK sent them
 * @param states all state changes so far, the first being the preparation
 * @param artifacts digests of the artifacts the job uses
 */
public record JobDescription(
    String id,
    String name,
    String preparationId,
    Struct options,
    List<StateChange> states,
    Set<String> artifacts) {

  /** Newest jobs first. */
  public static final Comparator<JobDescription> NEWEST_FIRST =
      Comparator.comparing(JobDescription::created).thenComparing(JobDescription::id).reversed();

  public JobDescription {
    states = List.copyOf(states);
    artifacts = Set.copyOf(artifacts);
  }

  /** Returns the same job with other states. */
  public JobDescription with(List<StateChange> newStates) {
    return new JobDescription(id, name, preparationId, options, newStates, artifacts);
  }

  /** The state entered last. */
  public JobState.Enum state() {
    return states.isEmpty() ? JobState.Enum.UNSPECIFIED : states.get(states.size() - 1).state();
  }

  /** When the job was prepared. */
  public Instant created() {
    return states.isEmpty() ? Instant.EPOCH : states.get(0).time();
  }

  /** When the job was asked to run, if it was. */
  public Optional<Instant> started() {
    return states.stream()
        .filter(change -> change.state() != JobState.Enum.STOPPED)
        .map(StateChange::time)
        .findFirst();
  }

  /** Time from the start to the terminal state, or to {@code now}. */
  public Duration duration(Instant now) {
    Instant end = JobStates.isTerminal(state()) ? states.get(states.size() - 1).time() : now;
    return started().map(start -> Duration.between(start, end)).orElse(Duration.ZERO);
  }

  /** Writes the description as a structure. */
  public Struct toStruct() {
    ListValue.Builder changes = ListValue.newBuilder();
    for (StateChange change : states) {
      changes.addValues(
          Value.newBuilder()
              .setStructValue(
                  Struct.newBuilder()
                      .putFields("sequence", text(Long.toString(change.sequence())))
                      .putFields("time", text(change.time().toString()))
                      .putFields("state", text(change.state().name()))));
    }
    ListValue.Builder digests = ListValue.newBuilder();
    new TreeSet<>(artifacts).forEach(digest -> digests.addValues(text(digest)));
    return Struct.newBuilder()
        .putFields("id", text(id))
        .putFields("name", text(name))
        .putFields("preparation_id", text(preparationId))
        .putFields("state", text(state().name()))
        .putFields("states", Value.newBuilder().setListValue(changes).build())
        .putFields("artifacts", Value.newBuilder().setListValue(digests).build())
        .putFields("options", Value.newBuilder().setStructValue(options).build())
        .build();
  }

  /**
   * Reads what {@link #toStruct} wrote.
   *
   * @throws IllegalArgumentException if it is not a job
   */
  public static JobDescription from(Struct struct) {
    Map<String, Value> fields = struct.getFieldsMap();
    String id = string(fields, "id");
    if (id.isEmpty()) {
      throw new IllegalArgumentException("not a job: no id");
    }
    List<StateChange> states = new ArrayList<>();
    for (Value change : list(fields, "states")) {
      Map<String, Value> parts = change.getStructValue().getFieldsMap();
      states.add(
          new StateChange(
              Long.parseLong(string(parts, "sequence")),
              Instant.parse(string(parts, "time")),
              JobState.Enum.valueOf(string(parts, "state"))));
    }
    Set<String> digests = new TreeSet<>();
    list(fields, "artifacts").forEach(digest -> digests.add(digest.getStringValue()));
    return new JobDescription(
        id,
        string(fields, "name"),
        string(fields, "preparation_id"),
        fields.getOrDefault("options", Value.getDefaultInstance()).getStructValue(),
        states,
        digests);
  }

  private static Value text(String text) {
    return Value.newBuilder().setStringValue(text).build();
  }

  private static String string(Map<String, Value> fields, String name) {
    return fields.getOrDefault(name, Value.getDefaultInstance()).getStringValue();
  }

  private static List<Value> list(Map<String, Value> fields, String name) {
    return fields.getOrDefault(name, Value.getDefaultInstance()).getListValue().getValuesList();
  }
}
