package org.trestle.expansion.file;

import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.io.TextIO;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.TypeName;
import org.apache.beam.sdk.transforms.Contextful;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.sdk.values.TypeDescriptors;

/** Text: each line is a row with one string. */
final class LineFormat implements FileFormat {
  static final String NAME = "line";

  private static final Schema LINE = Schema.builder().addStringField("line").build();

  @Override
  public Schema schema(UserSchema given) {
    given.refuse(NAME);
    return LINE;
  }

  @Override
  public PCollection<Row> read(PCollection<ReadableFile> files, Schema schema) {
    return files
        .apply("Read", TextIO.readFiles())
        .apply(
            "ToRows",
            MapElements.into(TypeDescriptors.rows())
                .via(line -> Row.withSchema(schema).addValue(line).build()))
        .setRowSchema(schema);
  }

  @Override
  public FileIO.Write<Void, Row> write(Schema schema) {
    if (schema.getFieldCount() != 1
        || schema.getField(0).getType().getTypeName() != TypeName.STRING) {
      throw new IllegalArgumentException(
          "format '" + NAME + "' takes rows with one field, a STRING; given are " + schema);
    }
    SerializableFunction<Row, String> line = row -> row.getString(0);
    return FileIO.<Row>write().via(Contextful.fn(line), TextIO.sink());
  }
}
