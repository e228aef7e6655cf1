package org.trestle.job.event;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/** An event as one line of JSON, for people's tools as much as for the service. */
final class EventJson {
  private EventJson() {}

  static String write(JobEvent event) {
    StringWriter text = new StringWriter(160);
    try (JsonWriter json = new JsonWriter(text)) {
      json.setHtmlSafe(false);
      json.beginObject();
      json.name("seq").value(event.sequence()).name("time").value(event.time().toString());
      if (event instanceof JobEvent.StateChange change) {
        json.name("state").value(change.state().name());
      } else if (event instanceof JobEvent.Message message) {
        json.name("importance").value(message.importance().name());
        json.name("text").value(message.text());
      } else if (event instanceof JobEvent.Log log) {
        json.name("severity").value(log.severity().name());
        optional(json, "worker", log.worker());
        optional(json, "transform", log.transform());
        optional(json, "instruction", log.instruction());
        optional(json, "location", log.location());
        optional(json, "thread", log.thread());
        json.name("text").value(log.text());
      }
      json.endObject();
    } catch (IOException e) {
      throw new IllegalStateException("writing to a string cannot fail", e);
    }
    return text.toString();
  }

  private static void optional(JsonWriter json, String name, String value) throws IOException {
    if (!value.isEmpty()) {
      json.name(name).value(value);
    }
  }

  /**
   * Reads a line.
   *
   * @throws IOException if the line is not a whole event, as the last one of a crashed service may
   *     be
   */
  static JobEvent read(String line) throws IOException {
    Map<String, String> fields = new HashMap<>();
    try (JsonReader json = new JsonReader(new StringReader(line))) {
      json.beginObject();
      while (json.hasNext()) {
        fields.put(json.nextName(), json.nextString());
      }
      json.endObject();
      return event(fields);
    } catch (IllegalStateException | IllegalArgumentException | DateTimeException e) {
      throw new IOException("not an event: " + e.getMessage(), e);
    }
  }

  private static JobEvent event(Map<String, String> fields) throws IOException {
    long sequence = Long.parseLong(required(fields, "seq"));
    Instant time = Instant.parse(required(fields, "time"));
    if (fields.containsKey("state")) {
      return new JobEvent.StateChange(
          sequence, time, JobState.Enum.valueOf(required(fields, "state")));
    }
    String text = required(fields, "text");
    if (fields.containsKey("importance")) {
      return new JobEvent.Message(
          sequence, time, MessageImportance.valueOf(required(fields, "importance")), text);
    }
    return new JobEvent.Log(
        sequence,
        time,
        Severity.valueOf(required(fields, "severity")),
        fields.getOrDefault("worker", ""),
        fields.getOrDefault("transform", ""),
        fields.getOrDefault("instruction", ""),
        fields.getOrDefault("location", ""),
        fields.getOrDefault("thread", ""),
        text);
  }

  private static String required(Map<String, String> fields, String name) throws IOException {
    String value = fields.get(name);
    if (value == null) {
      throw new IOException("not an event: no '" + name + "'");
    }
    return value;
  }
}
