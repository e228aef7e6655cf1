package org.trestle.job.command;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.TextFormat;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.execute.Engine;
import org.trestle.job.api.AdminApi;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints the fused graph of a job or of a pipeline file. */
@Command(
    name = "explain",
    mixinStandardHelpOptions = true,
    description =
        "Prints the fused graph of a job or of a pipeline in a file, and why each fusion barrier is"
            + " there. No service is needed for a file.")
final class ExplainCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "JOB|FILE",
      description =
          "A job ('last' for the newest), or a file with a pipeline: *.json, *.textproto, or"
              + " anything else as binary.")
  private String what = "";

  @Override
  public Integer call() throws IOException {
    Path file = Path.of(what);
    String text = Files.isRegularFile(file) ? explainFile(file) : explainJob();
    spec.commandLine().getOut().println(text.stripTrailing());
    return 0;
  }

  private String explainJob() {
    try (ServiceClient client = endpoint.connect()) {
      return ServiceClient.string(
          client.ask(AdminApi.EXPLAIN_JOB, ServiceClient.job(what)), "text");
    }
  }

  private static String explainFile(Path file) throws IOException {
    Pipeline pipeline = read(file);
    try (Engine engine = Engines.forExplaining()) {
      List<String> problems = engine.check(pipeline);
      if (!problems.isEmpty()) {
        throw new IOException("the pipeline cannot run:\n- " + String.join("\n- ", problems));
      }
      return engine.explain(pipeline);
    }
  }

  private static Pipeline read(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    Pipeline.Builder pipeline = Pipeline.newBuilder();
    try {
      if (name.endsWith(".json")) {
        JsonFormat.parser().merge(Files.readString(file), pipeline);
      } else if (name.endsWith(".textproto")) {
        TextFormat.merge(Files.readString(file), pipeline);
      } else {
        pipeline.mergeFrom(Files.readAllBytes(file));
      }
    } catch (InvalidProtocolBufferException | TextFormat.ParseException e) {
      throw new IOException("no pipeline in " + file + ": " + e.getMessage(), e);
    }
    return pipeline.build();
  }
}
