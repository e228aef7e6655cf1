package org.trestle.job.store;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.trestle.engine.execute.JobExecution.Profile;
import org.trestle.engine.execute.JobExecution.StageStatus;

/**
 * What a job's engine measured: its metrics, the figures of its stages and the text of its fused
 * graph.
 */
public record JobFigures(MetricResults metrics, List<StageStatus> stages, String explanation) {

  /** Of a job that never came to run. */
  public static final JobFigures NONE =
      new JobFigures(MetricResults.getDefaultInstance(), List.of(), "");

  public JobFigures {
    stages = List.copyOf(stages);
  }

  /** Writes stages as a list of structures. */
  public static ListValue stagesToList(List<StageStatus> stages) {
    ListValue.Builder list = ListValue.newBuilder();
    for (StageStatus stage : stages) {
      ListValue.Builder transforms = ListValue.newBuilder();
      stage.transforms().forEach(name -> transforms.addValues(text(name)));
      list.addValues(
          Value.newBuilder()
              .setStructValue(
                  Struct.newBuilder()
                      .putFields("name", text(stage.name()))
                      .putFields("environment", text(stage.environment()))
                      .putFields("elements_in", number(stage.elementsIn()))
                      .putFields("bytes_in", number(stage.bytesIn()))
                      .putFields("elements_out", number(stage.elementsOut()))
                      .putFields("bytes_out", number(stage.bytesOut()))
                      .putFields("bundles", number(stage.bundles()))
                      .putFields("failed_bundles", number(stage.failedBundles()))
                      .putFields("busy_millis", number(stage.busyMillis()))
                      .putFields("harness_millis", number(stage.profile().harnessMillis()))
                      .putFields("queued_millis", number(stage.profile().queuedMillis()))
                      .putFields("shuffle_millis", number(stage.profile().shuffleMillis()))
                      .putFields("commit_millis", number(stage.profile().commitMillis()))
                      .putFields(
                          "complete", Value.newBuilder().setBoolValue(stage.complete()).build())
                      .putFields(
                          "transforms", Value.newBuilder().setListValue(transforms).build())));
    }
    return list.build();
  }

  /** Reads what {@link #stagesToList} wrote; absent figures are zero. */
  public static List<StageStatus> stagesFrom(ListValue list) {
    List<StageStatus> stages = new ArrayList<>();
    for (Value value : list.getValuesList()) {
      Map<String, Value> fields = value.getStructValue().getFieldsMap();
      List<String> transforms =
          field(fields, "transforms").getListValue().getValuesList().stream()
              .map(Value::getStringValue)
              .toList();
      stages.add(
          new StageStatus(
              field(fields, "name").getStringValue(),
              transforms,
              field(fields, "environment").getStringValue(),
              whole(fields, "elements_in"),
              whole(fields, "bytes_in"),
              whole(fields, "elements_out"),
              whole(fields, "bytes_out"),
              whole(fields, "bundles"),
              whole(fields, "failed_bundles"),
              whole(fields, "busy_millis"),
              new Profile(
                  whole(fields, "harness_millis"),
                  whole(fields, "queued_millis"),
                  whole(fields, "shuffle_millis"),
                  whole(fields, "commit_millis")),
              field(fields, "complete").getBoolValue()));
    }
    return stages;
  }

  private static Value field(Map<String, Value> fields, String name) {
    return fields.getOrDefault(name, Value.getDefaultInstance());
  }

  private static long whole(Map<String, Value> fields, String name) {
    return (long) field(fields, name).getNumberValue();
  }

  private static Value text(String text) {
    return Value.newBuilder().setStringValue(text).build();
  }

  private static Value number(long number) {
    return Value.newBuilder().setNumberValue((double) number).build();
  }
}
