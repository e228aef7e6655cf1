package org.trestle.expansion.file;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.beam.sdk.extensions.avro.io.AvroIO;
import org.apache.beam.sdk.io.parquet.ParquetIO;

/** The formats by their names. */
final class FileFormats {
  private static final Map<String, FileFormat> FORMATS =
      new TreeMap<>(
          Map.of(
              LineFormat.NAME,
              new LineFormat(),
              "csv",
              new CsvFormat(),
              "json",
              new JsonFormat(),
              "avro",
              new RecordFormat(
                  schema -> AvroIO.readFilesGenericRecords(schema).withBeamSchemas(true),
                  AvroIO::sink),
              "parquet",
              new RecordFormat(
                  schema -> ParquetIO.readFiles(schema).withBeamSchemas(true), ParquetIO::sink)));

  private FileFormats() {}

  /** The names, for people. */
  static String names() {
    return String.join(", ", FORMATS.keySet());
  }

  /**
   * Finds a format; case does not matter.
   *
   * @throws IllegalArgumentException if there is none of this name
   */
  static FileFormat named(String name) {
    FileFormat format = FORMATS.get(name.toLowerCase(Locale.ROOT));
    if (format == null) {
      throw new IllegalArgumentException(
          "field 'format': there is no format '" + name + "', only " + names());
    }
    return format;
  }
}
