package org.trestle.expansion.file;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.beam.sdk.io.Compression;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.ResourceId;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.transforms.SchemaTransform;
import org.apache.beam.sdk.schemas.transforms.SchemaTransformProvider;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.Values;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.sdk.values.TypeDescriptors;
import org.jspecify.annotations.Nullable;

/** Offers to write rows into files. */
public final class FileWriteProvider implements SchemaTransformProvider {
  private static final String INPUT = "input";
  private static final String OUTPUT = "output";
  private static final Schema FILE = Schema.builder().addStringField("filename").build();
  private static final Schema CONFIGURATION =
      Schema.of(
          Field.of("format", FieldType.STRING).withDescription(FileFormats.names()),
          Field.of("filename_prefix", FieldType.STRING)
              .withDescription(
                  "directory and beginning of the files' names, which go on as in"
                      + " -00000-of-00002"),
          Field.nullable("filename_suffix", FieldType.STRING)
              .withDescription("end of the files' names, as in .csv"),
          Field.nullable("num_shards", FieldType.INT32)
              .withDescription(
                  "how many files; needed for unbounded input, left to the runner otherwise"),
          Field.nullable("compression", FieldType.STRING)
              .withDescription("such as gzip; none if not given"));

  @Override
  public String identifier() {
    return "beam:schematransform:org.trestle:file_write:v1";
  }

  @Override
  public String description() {
    return "Writes rows into files, and gives out the names of these.";
  }

  @Override
  public Schema configurationSchema() {
    return CONFIGURATION;
  }

  @Override
  public List<String> inputCollectionNames() {
    return List.of(INPUT);
  }

  @Override
  public List<String> outputCollectionNames() {
    return List.of(OUTPUT);
  }

  @Override
  public SchemaTransform from(Row configuration) {
    Integer shards = configuration.getInt32("num_shards");
    if (shards != null && shards < 1) {
      throw new IllegalArgumentException("field 'num_shards': " + shards + " is less than 1");
    }
    return new Write(
        FileFormats.named(configuration.getString("format")),
        configuration.getString("filename_prefix"),
        configuration.getString("filename_suffix"),
        shards,
        compression(configuration.getString("compression")));
  }

  private static Compression compression(@Nullable String name) {
    if (name == null || name.isBlank()) {
      return Compression.UNCOMPRESSED;
    }
    try {
      return Compression.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "field 'compression': there is no '"
              + name
              + "', only "
              + Arrays.toString(Compression.values()),
          e);
    }
  }

  private static final class Write extends SchemaTransform {
    private final transient FileFormat format;
    private final String prefix;
    private final String suffix;
    private final @Nullable Integer shards;
    private final Compression compression;

    Write(
        FileFormat format,
        String prefix,
        @Nullable String suffix,
        @Nullable Integer shards,
        Compression compression) {
      this.format = format;
      this.prefix = prefix;
      this.suffix = suffix == null ? "" : suffix;
      this.shards = shards;
      this.compression = compression;
    }

    @Override
    public PCollectionRowTuple expand(PCollectionRowTuple input) {
      PCollection<Row> rows = input.get(INPUT);
      ResourceId first = FileSystems.matchNewResource(prefix, false);
      FileIO.Write<Void, Row> write =
          format
              .write(rows.getSchema())
              .to(first.getCurrentDirectory().toString())
              .withNaming(FileIO.Write.defaultNaming(String.valueOf(first.getFilename()), suffix))
              .withCompression(compression);
      return PCollectionRowTuple.of(
          OUTPUT,
          rows.apply("Write", shards == null ? write : write.withNumShards(shards))
              .getPerDestinationOutputFilenames()
              .apply("Names", Values.create())
              .apply(
                  "ToRows",
                  MapElements.into(TypeDescriptors.rows())
                      .via(name -> Row.withSchema(FILE).addValue(name).build()))
              .setRowSchema(FILE));
    }
  }
}
