package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.JobPlan.TestStreamSpec;

/**
 * The TestStreams of a job. Each is asked for an event when the job has done all that followed from
 * the last one, in turns if there are several.
 */
final class TestStreams {
  private static final class Stream {
    private final TestStreamSpec spec;
    private final List<Edge> outputs = new ArrayList<>();
    private final List<Long> watermarks = new ArrayList<>();
    private boolean ended;

    Stream(TestStreamSpec spec) {
      this.spec = spec;
    }
  }

  private final List<Stream> streams = new ArrayList<>();
  private @Nullable Stream asked;
  private int turn;

  /** Makes the streams producers of their outputs. */
  TestStreams(JobPlan plan, JobGraph graph) {
    for (TestStreamSpec spec : plan.testStreams()) {
      Stream stream = new Stream(spec);
      for (EdgeId id : spec.outputs()) {
        Edge edge = graph.edges().get(id);
        if (edge == null) {
          throw new IllegalArgumentException(
              "TestStream " + spec.id() + " names edge " + id + ", which is not in the plan");
        }
        edge.addProducer();
        stream.outputs.add(edge);
        stream.watermarks.add(EventTime.MIN);
      }
      streams.add(stream);
    }
  }

  /** Whether an event was asked for that has not come. */
  boolean isAsked() {
    return asked != null;
  }

  /** Whether a stream has not ended. */
  boolean isOpen() {
    for (Stream stream : streams) {
      if (!stream.ended) {
        return true;
      }
    }
    return false;
  }

  /** Takes the stream whose turn it is; one is open. */
  String ask() {
    while (true) {
      Stream next = streams.get(turn % streams.size());
      turn++;
      if (!next.ended) {
        asked = next;
        return next.spec.id();
      }
    }
  }

  /** Notes that the event that was asked for has come; false if none was asked of this stream. */
  boolean answered(String id) {
    if (asked == null || !asked.spec.id().equals(id)) {
      return false;
    }
    asked = null;
    return true;
  }

  /** Moves the watermark of an output; whether that moved the edge's. */
  boolean advance(String id, Edge edge, long watermark) {
    Stream stream = stream(id);
    int index = stream.outputs.indexOf(edge);
    if (index < 0) {
      throw new IllegalArgumentException("TestStream " + id + " does not write " + edge.id());
    }
    long before = stream.watermarks.get(index);
    long after = Math.max(before, Math.min(watermark, EventTime.MAX));
    stream.watermarks.set(index, after);
    return edge.advance(before, after);
  }

  /** Ends a stream; returns the edges that it wrote. */
  List<Edge> end(String id) {
    Stream stream = stream(id);
    if (stream.ended) {
      return List.of();
    }
    stream.ended = true;
    return stream.outputs;
  }

  /** Ends all streams; returns the edges that those wrote which had not ended. */
  List<Edge> endAll() {
    asked = null;
    List<Edge> edges = new ArrayList<>();
    for (Stream stream : streams) {
      edges.addAll(end(stream.spec.id()));
    }
    return edges;
  }

  private Stream stream(String id) {
    for (Stream stream : streams) {
      if (stream.spec.id().equals(id)) {
        return stream;
      }
    }
    throw new IllegalArgumentException("there is no TestStream " + id);
  }
}
