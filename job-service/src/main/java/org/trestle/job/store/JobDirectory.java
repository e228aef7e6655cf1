package org.trestle.job.store;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;

/**
 * The files of a job: {@code job.json}, {@code pipeline.pb}, {@code metrics.pb}, {@code
 * stages.json}, {@code explain.txt} and {@code events/}. Files are replaced whole.
 */
public final class JobDirectory {
  private final Path directory;

  JobDirectory(Path directory) {
    this.directory = directory;
  }

  /** Where the events are. */
  public Path events() {
    return directory.resolve("events");
  }

  /** Writes the description. */
  public void write(JobDescription description) throws IOException {
    Files.createDirectories(directory);
    String json = JsonFormat.printer().print(description.toStruct());
    replace("job.json", out -> out.write(json.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  /**
   * Reads the description.
   *
   * @throws IOException if there is none or it is damaged
   */
  public JobDescription readDescription() throws IOException {
    Struct.Builder struct = Struct.newBuilder();
    JsonFormat.parser().merge(Files.readString(directory.resolve("job.json")), struct);
    try {
      return JobDescription.from(struct.build());
    } catch (RuntimeException e) {
      throw new IOException("damaged description in " + directory + ": " + e.getMessage(), e);
    }
  }

  /** Writes the pipeline. */
  public void write(Pipeline pipeline) throws IOException {
    Files.createDirectories(directory);
    replace("pipeline.pb", pipeline::writeTo);
  }

  /** Reads the pipeline. */
  public Pipeline readPipeline() throws IOException {
    try (InputStream in = Files.newInputStream(directory.resolve("pipeline.pb"))) {
      return Pipeline.parseFrom(in);
    }
  }

  /** Writes the figures. */
  public void write(JobFigures figures) throws IOException {
    Files.createDirectories(directory);
    replace("metrics.pb", figures.metrics()::writeTo);
    String stages = JsonFormat.printer().print(JobFigures.stagesToList(figures.stages()));
    replace("stages.json", out -> out.write(bytes(stages)));
    replace("explain.txt", out -> out.write(bytes(figures.explanation())));
  }

  /** Reads the figures; what was never written is empty. */
  public JobFigures readFigures() throws IOException {
    MetricResults metrics = MetricResults.getDefaultInstance();
    List<org.trestle.engine.execute.JobExecution.StageStatus> stages = List.of();
    String explanation = "";
    try (InputStream in = Files.newInputStream(directory.resolve("metrics.pb"))) {
      metrics = MetricResults.parseFrom(in);
      ListValue.Builder list = ListValue.newBuilder();
      JsonFormat.parser().merge(Files.readString(directory.resolve("stages.json")), list);
      stages = JobFigures.stagesFrom(list.build());
      explanation = Files.readString(directory.resolve("explain.txt"));
    } catch (NoSuchFileException e) {
      return new JobFigures(metrics, stages, explanation);
    }
    return new JobFigures(metrics, stages, explanation);
  }

  /** Deletes all files of the job. */
  void delete() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  private interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  private void replace(String name, Content content) throws IOException {
    Path temporary = directory.resolve(name + ".new");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(temporary))) {
      content.writeTo(out);
    }
    Files.move(
        temporary,
        directory.resolve(name),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }
}
