package org.trestle.expansion.file;

import java.util.List;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.transforms.SchemaTransform;
import org.apache.beam.sdk.schemas.transforms.SchemaTransformProvider;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.Row;

/** Offers to read the rows of files. */
public final class FileReadProvider implements SchemaTransformProvider {
  private static final String OUTPUT = "output";
  private static final Schema CONFIGURATION =
      Schema.of(
          Field.of("format", FieldType.STRING).withDescription(FileFormats.names()),
          Field.of("filepattern", FieldType.STRING)
              .withDescription("which files are read, as in /data/*.csv"),
          Field.nullable("schema", FieldType.STRING)
              .withDescription(
                  "of the rows: an Avro schema of type record, in JSON. Lines have none"));

  @Override
  public String identifier() {
    return "beam:schematransform:org.trestle:file_read:v1";
  }

  @Override
  public String description() {
    return "Reads the rows of all files that match a pattern.";
  }

  @Override
  public Schema configurationSchema() {
    return CONFIGURATION;
  }

  @Override
  public List<String> outputCollectionNames() {
    return List.of(OUTPUT);
  }

  @Override
  public SchemaTransform from(Row configuration) {
    FileFormat format = FileFormats.named(configuration.getString("format"));
    String pattern = configuration.getString("filepattern");
    Schema schema = format.schema(new UserSchema(configuration.getString("schema")));
    return new Read(format, pattern, schema);
  }

  private static final class Read extends SchemaTransform {
    private final transient FileFormat format;
    private final String pattern;
    private final Schema schema;

    Read(FileFormat format, String pattern, Schema schema) {
      this.format = format;
      this.pattern = pattern;
      this.schema = schema;
    }

    @Override
    public PCollectionRowTuple expand(PCollectionRowTuple input) {
      return PCollectionRowTuple.of(
          OUTPUT,
          format.read(
              input
                  .getPipeline()
                  .apply("Match", FileIO.match().filepattern(pattern))
                  .apply("Open", FileIO.readMatches()),
              schema));
    }
  }
}
