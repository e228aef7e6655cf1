package org.trestle.expansion.file;

import java.util.function.Function;
import org.apache.avro.generic.GenericRecord;
import org.apache.beam.sdk.extensions.avro.schemas.utils.AvroUtils;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.transforms.Convert;
import org.apache.beam.sdk.transforms.Contextful;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;

/** A format whose library has rows as Avro's records. */
final class RecordFormat implements FileFormat {
  private final Function<
          org.apache.avro.Schema, PTransform<PCollection<ReadableFile>, PCollection<GenericRecord>>>
      reader;
  private final Function<org.apache.avro.Schema, FileIO.Sink<GenericRecord>> sink;

  /**
   * @param reader reads records of a schema, and tells Beam what that is
   * @param sink writes records of a schema
   */
  RecordFormat(
      Function<
              org.apache.avro.Schema,
              PTransform<PCollection<ReadableFile>, PCollection<GenericRecord>>>
          reader,
      Function<org.apache.avro.Schema, FileIO.Sink<GenericRecord>> sink) {
    this.reader = reader;
    this.sink = sink;
  }

  @Override
  public Schema schema(UserSchema given) {
    return given.required();
  }

  @Override
  public PCollection<Row> read(PCollection<ReadableFile> files, Schema schema) {
    return files
        .apply("Read", reader.apply(AvroUtils.toAvroSchema(schema)))
        .apply("ToRows", Convert.toRows());
  }

  @Override
  public FileIO.Write<Void, Row> write(Schema schema) {
    org.apache.avro.Schema avro = AvroUtils.toAvroSchema(schema);
    return FileIO.<Row>write()
        .via(Contextful.fn(AvroUtils.getRowToGenericRecordFunction(avro)), sink.apply(avro));
  }
}
