package org.trestle.expansion.builder;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.io.SchemaIOProvider;
import org.apache.beam.sdk.util.VarInt;
import org.apache.beam.sdk.values.Row;

/**
 * The encoded configuration of a {@link SchemaIOProvider}. It comes without its schema: client and
 * provider have to agree on the order of the fields, which differs between Beam's versions.
 */
final class SchemaIoConfig {
  private static final String JDBC = "jdbc";

  /** Later SDKs have it after the four fields that say how to connect. */
  private static final Field SECRET_MANAGER = Field.nullable("secretManager", FieldType.STRING);

  private static final int SECRET_MANAGER_INDEX = 4;

  private SchemaIoConfig() {}

  /**
   * Decodes a configuration of this version of Beam or of one that is known to be different.
   *
   * @throws IllegalArgumentException if there is a field that the provider does not know, or the
   *     row is damaged
   */
  static Row decode(SchemaIOProvider provider, byte[] encoded) {
    Schema schema = provider.configurationSchema();
    try {
      int count = VarInt.decodeInt(new ByteArrayInputStream(encoded));
      if (count <= schema.getFieldCount()) {
        return decode(schema, encoded);
      }
      if (provider.identifier().equals(JDBC) && count == schema.getFieldCount() + 1) {
        return withoutSecretManager(schema, decode(withSecretManager(schema), encoded));
      }
      throw new IllegalArgumentException(
          "field 'config' has "
              + count
              + " fields, but "
              + provider.identifier()
              + " takes "
              + schema.getFieldCount()
              + ", which are "
              + String.join(", ", schema.getFieldNames())
              + "; the client's SDK is of another version");
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "field 'config' is no row of " + String.join(", ", schema.getFieldNames()), e);
    }
  }

  private static Row decode(Schema schema, byte[] encoded) throws IOException {
    return RowCoder.of(schema).decode(new ByteArrayInputStream(encoded));
  }

  private static Schema withSecretManager(Schema schema) {
    List<Field> fields = new ArrayList<>(schema.getFields());
    fields.add(SECRET_MANAGER_INDEX, SECRET_MANAGER);
    return Schema.of(fields.toArray(Field[]::new));
  }

  private static Row withoutSecretManager(Schema schema, Row row) {
    if (row.getValue(SECRET_MANAGER_INDEX) != null) {
      throw new IllegalArgumentException(
          "field 'secretManager' is not supported by this version of Beam; give the password");
    }
    Row.Builder builder = Row.withSchema(schema);
    for (int i = 0; i < row.getFieldCount(); i++) {
      if (i != SECRET_MANAGER_INDEX) {
        builder.addValue(row.getValue(i));
      }
    }
    return builder.build();
  }
}
