package org.trestle.engine.execute;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/** Writes down what a job tells its listener. */
class JobRecord implements JobListener {
  /** A call of the listener: a state, or a message with its importance. */
  record Event(JobState.Enum state, MessageImportance importance, String text) {
    boolean isState() {
      return importance == MessageImportance.MESSAGE_IMPORTANCE_UNSPECIFIED;
    }
  }

  private final List<Event> events = new CopyOnWriteArrayList<>();
  private final List<LogEntry> logs = new CopyOnWriteArrayList<>();
  private final BlockingQueue<JobState.Enum> arrived = new LinkedBlockingQueue<>();

  @Override
  public void state(JobState.Enum state) {
    events.add(new Event(state, MessageImportance.MESSAGE_IMPORTANCE_UNSPECIFIED, ""));
    arrived.add(state);
  }

  @Override
  public void message(MessageImportance importance, String text) {
    events.add(new Event(JobState.Enum.UNSPECIFIED, importance, text));
  }

  @Override
  public void log(String workerId, LogEntry entry) {
    logs.add(entry);
  }

  /** What the harnesses logged, in order. */
  List<LogEntry> logs() {
    return logs;
  }

  /** All calls, in order. */
  List<Event> events() {
    return events;
  }

  /** The states, as they come. */
  BlockingQueue<JobState.Enum> arrivingStates() {
    return arrived;
  }

  /** The states so far. */
  List<JobState.Enum> states() {
    return events.stream().filter(Event::isState).map(Event::state).toList();
  }

  /** The texts of an importance so far. */
  List<String> texts(MessageImportance importance) {
    return events.stream()
        .filter(event -> !event.isState() && event.importance() == importance)
        .map(Event::text)
        .toList();
  }
}
