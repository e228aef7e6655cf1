package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.trestle.engine.execute.JobExecution.Profile;
import org.trestle.engine.execute.JobExecution.StageStatus;
import org.trestle.job.api.AdminApi;
import org.trestle.job.event.JobEvent.StateChange;
import org.trestle.job.store.JobDescription;
import org.trestle.job.store.JobFigures;
import org.trestle.job.store.JobStates;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows one job. */
@Command(
    name = "show",
    mixinStandardHelpOptions = true,
    description = "Shows a job: its states, its stages, where the time went, and its metrics.")
final class ShowCommand implements Callable<Integer> {
  private static final int LONGEST_TRANSFORMS = 60;

  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "JOB",
      description = "The job's id, its beginning, or 'last'. Default: last.",
      defaultValue = "last")
  private String reference = "last";

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (ServiceClient client = endpoint.connect()) {
      Struct answer = client.ask(AdminApi.SHOW_JOB, ServiceClient.job(reference));
      JobDescription job =
          JobDescription.from(
              answer.getFieldsOrDefault("job", Value.getDefaultInstance()).getStructValue());
      Instant now = Instant.parse(ServiceClient.string(answer, "now"));
      printJob(job, now, out);
      printStages(
          JobFigures.stagesFrom(
              answer.getFieldsOrDefault("stages", Value.getDefaultInstance()).getListValue()),
          job.duration(now),
          JobStates.isTerminal(job.state()),
          out);
      printMetrics(
          client
              .jobs()
              .getJobMetrics(GetJobMetricsRequest.newBuilder().setJobId(job.id()).build())
              .getMetrics(),
          out);
    }
    return 0;
  }

  private static void printJob(JobDescription job, Instant now, PrintWriter out) {
    out.println("job       " + job.id());
    out.println("name      " + job.name());
    out.println("state     " + job.state());
    out.println("duration  " + Texts.duration(job.duration(now)));
    out.println();
    for (StateChange change : job.states()) {
      out.println("  " + Texts.fineTime(change.time()) + "  " + change.state());
    }
  }

  private static void printStages(
      List<StageStatus> stages, Duration duration, boolean ended, PrintWriter out) {
    out.println();
    if (stages.isEmpty()) {
      out.println("no stages: the job did not come to run");
      return;
    }
    long busy = Math.max(1, stages.stream().mapToLong(StageStatus::busyMillis).sum());
    TextTable table =
        new TextTable(
            "STAGE",
            ">IN",
            ">BYTES IN",
            ">OUT",
            ">BYTES OUT",
            ">BUNDLES",
            ">FAILED",
            ">BUSY",
            ">SHARE",
            "TRANSFORMS");
    for (StageStatus stage : stages) {
      table.add(
          stage.name() + (stage.complete() || ended ? "" : " …"),
          Texts.count(stage.elementsIn()),
          Texts.bytes(stage.bytesIn()),
          Texts.count(stage.elementsOut()),
          Texts.bytes(stage.bytesOut()),
          Texts.count(stage.bundles()),
          Texts.count(stage.failedBundles()),
          millis(stage.busyMillis()),
          Math.round(100.0 * stage.busyMillis() / busy) + "%",
          Texts.shorten(String.join(", ", stage.transforms()), LONGEST_TRANSFORMS));
    }
    table.print(out);
    out.println("bundles ran for " + millis(busy) + " in all, within " + Texts.duration(duration));
    printProfile(stages, out);
  }

  private static void printProfile(List<StageStatus> stages, PrintWriter out) {
    out.println();
    TextTable table =
        new TextTable("WHERE THE TIME WENT", ">HARNESS", ">WIRE", ">QUEUED", ">SHUFFLE", ">COMMIT");
    for (StageStatus stage : stages) {
      Profile profile = stage.profile();
      table.add(
          stage.name(),
          millis(profile.harnessMillis()),
          millis(stage.wireMillis()),
          millis(profile.queuedMillis()),
          millis(profile.shuffleMillis()),
          millis(profile.commitMillis()));
    }
    table.print(out);
  }

  private static String millis(long millis) {
    return Texts.duration(Duration.ofMillis(millis));
  }

  private static void printMetrics(MetricResults metrics, PrintWriter out) {
    Map<String, String> user = UserMetrics.read(metrics);
    if (user.isEmpty()) {
      return;
    }
    out.println();
    TextTable table = new TextTable("METRIC", "VALUE");
    user.forEach(table::add);
    table.print(out);
  }
}
