package org.trestle.job.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;
import org.trestle.job.config.Setting;
import picocli.CommandLine;

final class TrestleTest {
  @TempDir Path directory = Path.of(".");
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void helpNamesAllCommands() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString())
        .contains(
            "serve", "jobs", "show", "logs", "cancel", "drain", "scale", "explain", "version");
  }

  @Test
  void helpOfEachCommandSaysWhatItDoes() {
    CommandLine line = Trestle.commandLine(Map.of());
    line.getSubcommands()
        .forEach(
            (name, command) -> {
              assertThat(command.getUsageMessage()).contains("Usage: trestle " + name);
              assertThat(command.getCommandSpec().usageMessage().description()).isNotEmpty();
            });
  }

  @Test
  void helpOfServeExplainsEverySettingWithItsDefault() {
    assertThat(run("serve", "--help")).isZero();
    for (Setting setting : Setting.values()) {
      // The value of some is optional.
      assertThat(out.toString()).containsPattern(setting.flag() + "\\[?=" + setting.placeholder());
    }
    assertThat(out.toString()).contains("TRESTLE_STATE_DIR", "Exit codes", "8073", "--config");
  }

  @Test
  void warmsUpAndEnds() {
    assertThat(run("warm-up", directory.resolve("warm").toString())).isZero();
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void refusesAWrongCommandLine() {
    assertThat(run()).isEqualTo(2);
    assertThat(run("dance")).isEqualTo(2);
    assertThat(run("serve", "--port", "many")).isEqualTo(2);
    assertThat(err.toString()).contains("--port: 'many' is not a whole number");
  }

  @Test
  void saysThatThePortIsTaken() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());
      assertThat(run("serve", "--port", port, "--state-dir", directory.toString())).isEqualTo(2);
      assertThat(err.toString()).contains("port " + port + " on 127.0.0.1", "--port");
    }
  }

  @Test
  void saysThatNoServiceAnswers() {
    assertThat(run("jobs", "--endpoint", "localhost:1")).isEqualTo(1);
    assertThat(err.toString()).contains("no service answers", "trestle serve", "--endpoint");
  }

  @Test
  void listsShowsAndCancelsJobs() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      assertThat(run("jobs", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString()).contains("no jobs yet");
      String job = service.run();
      Execution execution = service.engine().next();
      execution.listener().state(JobState.Enum.RUNNING);
      execution.commit(
          MonitoringInfo.newBuilder()
              .setUrn("beam:metric:user:sum_int64:v1")
              .setType("beam:metrics:sum_int64:v1")
              .putLabels("NAMESPACE", "my.Fn")
              .putLabels("NAME", "words")
              .putLabels("PTRANSFORM", "Split")
              .setPayload(ByteString.copyFrom(new byte[] {(byte) 0x90, 0x4e}))
              .build());

      assertThat(run("jobs", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString()).contains(job, "test job", "RUNNING", "DURATION");
      assertThat(run("show", job.substring(0, 12), "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString())
          .contains("stage-1", "2.0 KiB", "75%", "Read, Split", "my.Fn:words in Split", "10,000")
          .containsPattern("stage-1 +0\\.30s +0\\.25s +0\\.05s +0\\.15s +0\\.02s");
      assertThat(run("explain", "last", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString()).contains("barrier at the GroupByKey");
      assertThat(run("cancel", "last", "--endpoint", service.endpoint())).isZero();
      assertThat(execution.isCancelled()).isTrue();
    }
  }

  @Test
  void drainsAJob() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      assertThat(run("drain", "last", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString()).contains(job + " DRAINED");
    }
  }

  @Test
  void scalesAJob() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      String endpoint = service.endpoint();
      assertThat(run("scale", "last", "--min", "2", "--max", "5", "--endpoint", endpoint)).isZero();
      assertThat(out.toString()).contains(job + " may have between 2 and 5 workers");
      assertThat(execution.workers()).containsExactly(2, 5);
      assertThat(run("scale", "last", "--max", "3", "--endpoint", endpoint)).isZero();
      assertThat(execution.workers()).containsExactly(1, 3);
    }
  }

  @Test
  void saysWhyAJobCannotBeScaled() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      String endpoint = service.endpoint();
      execution.refuseToScale(new IllegalArgumentException("at most 1000"));
      assertThat(run("scale", job, "--max", "9999", "--endpoint", endpoint)).isEqualTo(1);
      assertThat(err.toString()).contains("job '" + job + "': at most 1000");
      execution.refuseToScale(new IllegalStateException("it has no workers of its own"));
      assertThat(run("scale", job, "--max", "2", "--endpoint", endpoint)).isEqualTo(1);
      assertThat(err.toString()).contains("it has no workers of its own");
      execution.end(JobState.Enum.DONE);
      assertThat(run("scale", job, "--max", "2", "--endpoint", endpoint)).isEqualTo(1);
      assertThat(err.toString()).contains("is not running, so it cannot be scaled");
      assertThat(run("scale", job, "--endpoint", endpoint)).isEqualTo(2);
      assertThat(err.toString()).contains("--max");
    }
  }

  @Test
  void printsAndFiltersLogs() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      String job = service.run();
      Execution execution = service.engine().next();
      log(execution, "worker-1", LogEntry.Severity.Enum.INFO, "all is well");
      log(execution, "worker-2", LogEntry.Severity.Enum.ERROR, "all is lost");
      execution.fail("ValueError: the user's fault");

      assertThat(run("logs", job, "--follow", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString())
          .containsSubsequence(
              "state STOPPED", "all is well", "all is lost", "ERROR ValueError", "state FAILED");
      out.getBuffer().setLength(0);
      assertThat(run("logs", job, "--worker", "worker-1", "--endpoint", service.endpoint()))
          .isZero();
      assertThat(out.toString()).contains("all is well").doesNotContain("lost", "state");
      out.getBuffer().setLength(0);
      assertThat(run("logs", job, "--severity", "warn", "--endpoint", service.endpoint())).isZero();
      assertThat(out.toString()).contains("all is lost").doesNotContain("well");
      assertThat(run("logs", job, "--severity", "awful", "--endpoint", service.endpoint()))
          .isEqualTo(1);
      assertThat(err.toString()).contains("unknown severity 'awful'");
    }
  }

  @Test
  void namesTheJobThatIsUnknown() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      assertThat(run("show", "nobody", "--endpoint", service.endpoint())).isEqualTo(1);
      assertThat(err.toString()).contains("no job 'nobody'");
    }
  }

  private static void log(
      Execution execution, String worker, LogEntry.Severity.Enum severity, String text) {
    execution
        .listener()
        .log(worker, LogEntry.newBuilder().setSeverity(severity).setMessage(text).build());
  }

  private int run(String... arguments) {
    return Trestle.commandLine(Map.of(), arguments)
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }
}
