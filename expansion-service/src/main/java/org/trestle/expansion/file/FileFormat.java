package org.trestle.expansion.file;

import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;

/** How rows are written in a file. */
interface FileFormat {
  /** The schema of all files of the format, or the one that the user has given. */
  Schema schema(UserSchema given);

  /**
   * Reads the rows of files.
   *
   * @param schema of the rows
   * @throws IllegalArgumentException if the format has no such rows
   */
  PCollection<Row> read(PCollection<ReadableFile> files, Schema schema);

  /**
   * Writes rows into files; where these are is left to the caller.
   *
   * @param schema of the rows
   * @throws IllegalArgumentException if the format has no such rows
   */
  FileIO.Write<Void, Row> write(Schema schema);
}
