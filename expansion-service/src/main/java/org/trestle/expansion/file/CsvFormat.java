package org.trestle.expansion.file;

import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.io.TextIO;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.transforms.Contextful;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;
import org.apache.commons.csv.CSVFormat;

/**
 * CSV by RFC 4180, with the names of the fields in the first line. An empty cell is null where the
 * field is optional.
 */
final class CsvFormat implements FileFormat {
  @Override
  public Schema schema(UserSchema given) {
    return given.required();
  }

  @Override
  public PCollection<Row> read(PCollection<ReadableFile> files, Schema schema) {
    CsvCells.check(schema);
    return files.apply("Read", ParDo.of(new ReadCsvFn(schema))).setRowSchema(schema);
  }

  @Override
  public FileIO.Write<Void, Row> write(Schema schema) {
    CsvCells.check(schema);
    String header = CSVFormat.DEFAULT.format(schema.getFieldNames().toArray());
    SerializableFunction<Row, String> line = row -> CSVFormat.DEFAULT.format(CsvCells.of(row));
    return FileIO.<Row>write().via(Contextful.fn(line), TextIO.sink().withHeader(header));
  }
}
