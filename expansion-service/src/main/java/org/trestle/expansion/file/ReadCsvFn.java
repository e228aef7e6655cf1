package org.trestle.expansion.file;

import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.values.Row;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/** Reads a CSV file from its beginning to its end, as a cell may contain line breaks. */
final class ReadCsvFn extends DoFn<ReadableFile, Row> {
  private static final CSVFormat FORMAT = CSVFormat.DEFAULT.withFirstRecordAsHeader();

  private final Schema schema;

  ReadCsvFn(Schema schema) {
    this.schema = schema;
  }

  /** Gives out a row for each record after the first one. */
  @ProcessElement
  public void process(@Element ReadableFile file, OutputReceiver<Row> rows) throws IOException {
    String name = file.getMetadata().resourceId().toString();
    try (CSVParser records =
        FORMAT.parse(
            new InputStreamReader(Channels.newInputStream(file.open()), StandardCharsets.UTF_8))) {
      for (String field : schema.getFieldNames()) {
        if (!records.getHeaderMap().containsKey(field)) {
          throw new IOException(
              name + " has no column '" + field + "', only " + records.getHeaderNames());
        }
      }
      for (CSVRecord found : records) {
        rows.output(row(found, name));
      }
    }
  }

  private Row row(CSVRecord found, String name) throws IOException {
    try {
      Row.Builder row = Row.withSchema(schema);
      for (Field field : schema.getFields()) {
        row.addValue(CsvCells.value(field, found.get(field.getName())));
      }
      return row.build();
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "%s, record %d: %s".formatted(name, found.getRecordNumber(), e.getMessage()), e);
    }
  }
}
