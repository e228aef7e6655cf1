package org.trestle.client.conformance;

import java.util.Arrays;
import java.util.List;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.io.TextIO;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.Validation;
import org.apache.beam.sdk.transforms.Count;
import org.apache.beam.sdk.transforms.Filter;
import org.apache.beam.sdk.transforms.FlatMapElements;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.TypeDescriptors;

/** Counts the words of a text and writes lines {@code word: count}. */
public final class WordCount {
  private WordCount() {}

  /** Where to read and write. */
  public interface Options extends PipelineOptions {
    @Description("Text to read")
    @Validation.Required
    String getInput();

    void setInput(String value);

    @Description("Beginning of the names of the files to write")
    @Validation.Required
    String getOutput();

    void setOutput(String value);
  }

  /** Runs the pipeline to its end. */
  public static void main(String[] args) {
    Options options = PipelineOptionsFactory.fromArgs(args).withValidation().as(Options.class);
    Pipeline pipeline = Pipeline.create(options);
    pipeline
        .apply(TextIO.read().from(options.getInput()))
        .apply(FlatMapElements.into(TypeDescriptors.strings()).via(WordCount::words))
        .apply(Filter.by((String word) -> !word.isEmpty()))
        .apply(Count.perElement())
        .apply(MapElements.into(TypeDescriptors.strings()).via(WordCount::line))
        .apply(TextIO.write().to(options.getOutput()));
    pipeline.run().waitUntilFinish();
  }

  private static List<String> words(String line) {
    return Arrays.asList(line.split("[^\\p{L}]+", -1));
  }

  private static String line(KV<String, Long> count) {
    return count.getKey() + ": " + count.getValue();
  }
}
