package org.trestle.expansion.file;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.FileIO.ReadableFile;
import org.apache.beam.sdk.io.TextIO;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.transforms.Contextful;
import org.apache.beam.sdk.transforms.JsonToRow;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.util.RowJson.RowJsonSerializer;
import org.apache.beam.sdk.util.RowJsonUtils;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;
import org.jspecify.annotations.Nullable;

/** JSON lines: each line is an object with the fields of a row. */
final class JsonFormat implements FileFormat {
  @Override
  public Schema schema(UserSchema given) {
    return given.required();
  }

  @Override
  public PCollection<Row> read(PCollection<ReadableFile> files, Schema schema) {
    return files.apply("Read", TextIO.readFiles()).apply("ToRows", JsonToRow.withSchema(schema));
  }

  @Override
  public FileIO.Write<Void, Row> write(Schema schema) {
    return FileIO.<Row>write().via(Contextful.fn(new ToJsonFn(schema)), TextIO.sink());
  }

  private static final class ToJsonFn implements SerializableFunction<Row, String> {
    private final Schema schema;
    private transient @Nullable ObjectMapper mapper;

    ToJsonFn(Schema schema) {
      this.schema = schema;
    }

    @Override
    public String apply(Row row) {
      ObjectMapper known = mapper;
      if (known == null) {
        known = RowJsonUtils.newObjectMapperWith(RowJsonSerializer.forSchema(schema));
        mapper = known;
      }
      return RowJsonUtils.rowToJson(known, row);
    }
  }
}
