package org.trestle.job.api;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;
import org.trestle.job.event.JobEvent;
import org.trestle.job.event.Severity;
import org.trestle.job.run.Job;
import org.trestle.job.run.Jobs;
import org.trestle.job.store.JobFigures;

/**
 * Answers {@link AdminApi}. Where a job is asked for, {@code last} means the newest one, and the
 * beginning of an id is enough if no other job's id begins so.
 */
public final class AdminEndpoint implements BindableService {
  private final Jobs jobs;
  private final Executor streams;

  public AdminEndpoint(Jobs jobs, Executor streams) {
    this.jobs = jobs;
    this.streams = streams;
  }

  @Override
  public ServerServiceDefinition bindService() {
    return ServerServiceDefinition.builder(AdminApi.SERVICE)
        .addMethod(
            AdminApi.LIST_JOBS,
            ServerCalls.asyncUnaryCall((q, out) -> Calls.answer(out, this::listJobs)))
        .addMethod(
            AdminApi.SHOW_JOB,
            ServerCalls.asyncUnaryCall((q, out) -> Calls.answer(out, () -> showJob(q))))
        .addMethod(
            AdminApi.EXPLAIN_JOB,
            ServerCalls.asyncUnaryCall((q, out) -> Calls.answer(out, () -> explainJob(q))))
        .addMethod(
            AdminApi.SCALE_JOB,
            ServerCalls.asyncUnaryCall((q, out) -> Calls.answer(out, () -> scaleJob(q))))
        .addMethod(AdminApi.READ_LOGS, ServerCalls.asyncServerStreamingCall(this::readLogs))
        .build();
  }

  private Struct listJobs() {
    ListValue.Builder list = ListValue.newBuilder();
    for (Job job : jobs.all()) {
      list.addValues(Value.newBuilder().setStructValue(describe(job)));
    }
    return Struct.newBuilder()
        .putFields("jobs", Value.newBuilder().setListValue(list).build())
        .putFields("now", text(jobs.now().toString()))
        .build();
  }

  /** The description without the options: these may hold what a user would not want listed. */
  private static Struct describe(Job job) {
    return job.description().toStruct().toBuilder().removeFields("options").build();
  }

  private Struct showJob(Struct request) throws java.io.IOException {
    Job job = find(request);
    ListValue stages = JobFigures.stagesToList(job.figures().stages());
    return Struct.newBuilder()
        .putFields("job", Value.newBuilder().setStructValue(describe(job)).build())
        .putFields("stages", Value.newBuilder().setListValue(stages).build())
        .putFields("now", text(jobs.now().toString()))
        .build();
  }

  private Struct scaleJob(Struct request) {
    Job job = find(request);
    job.scale(number(request, "min"), number(request, "max"));
    return Struct.newBuilder()
        .putFields("job", Value.newBuilder().setStructValue(describe(job)).build())
        .build();
  }

  private static int number(Struct request, String name) {
    return (int) field(request, name).getNumberValue();
  }

  private Struct explainJob(Struct request) throws java.io.IOException {
    Job job = find(request);
    String explanation = job.figures().explanation();
    return Struct.newBuilder()
        .putFields("text", text(explanation.isEmpty() ? jobs.explain(job.pipeline()) : explanation))
        .build();
  }

  private void readLogs(Struct request, StreamObserver<Struct> observer) {
    try {
      Job job = find(request);
      boolean follow = field(request, "follow").getBoolValue();
      String worker = field(request, "worker").getStringValue();
      Severity least = severity(field(request, "severity").getStringValue());
      EventStream.start(
          job.events(),
          (ServerCallStreamObserver<Struct>) observer,
          event -> wanted(event, worker, least) ? toStruct(event) : null,
          follow,
          streams,
          Runnable::run);
    } catch (RuntimeException e) {
      observer.onError(Calls.toStatus(e));
    }
  }

  private static Severity severity(String name) {
    if (name.isEmpty()) {
      return Severity.UNSPECIFIED;
    }
    try {
      return Severity.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new RefusedException(
          Reason.INVALID,
          "unknown severity '"
              + name
              + "'; one of trace, debug, info, notice, warn, error, critical");
    }
  }

  private static boolean wanted(JobEvent event, String worker, Severity least) {
    if (event instanceof JobEvent.Log log) {
      return log.severity().compareTo(least) >= 0
          && (worker.isEmpty() || log.worker().equals(worker));
    }
    return worker.isEmpty();
  }

  private static Struct toStruct(JobEvent event) {
    Struct.Builder struct = Struct.newBuilder().putFields("time", text(event.time().toString()));
    if (event instanceof JobEvent.StateChange change) {
      return struct
          .putFields("kind", text("state"))
          .putFields("state", text(change.state().name()))
          .build();
    }
    if (event instanceof JobEvent.Message message) {
      return struct
          .putFields("kind", text("message"))
          .putFields("importance", text(message.importance().name()))
          .putFields("text", text(message.text()))
          .build();
    }
    if (event instanceof JobEvent.Log log) {
      struct
          .putFields("kind", text("log"))
          .putFields("severity", text(log.severity().name()))
          .putFields("worker", text(log.worker()))
          .putFields("transform", text(log.transform()))
          .putFields("location", text(log.location()))
          .putFields("thread", text(log.thread()))
          .putFields("text", text(log.text()));
    }
    return struct.build();
  }

  private Job find(Struct request) {
    String reference = field(request, "job").getStringValue();
    List<Job> all = jobs.all();
    if (reference.equals("last") && !all.isEmpty()) {
      return all.get(0);
    }
    @Nullable Job only = null;
    for (Job job : all) {
      if (job.id().equals(reference)) {
        return job;
      }
      if (!reference.isEmpty() && job.id().startsWith(reference)) {
        if (only != null) {
          throw new RefusedException(
              Reason.INVALID, "more than one job has an id that begins with '" + reference + "'");
        }
        only = job;
      }
    }
    return only == null ? jobs.job(reference) : only;
  }

  private static Value field(Struct struct, String name) {
    return struct.getFieldsOrDefault(name, Value.getDefaultInstance());
  }

  private static Value text(String text) {
    return Value.newBuilder().setStringValue(text).build();
  }
}
