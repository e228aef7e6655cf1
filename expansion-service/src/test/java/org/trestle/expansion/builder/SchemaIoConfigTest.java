package org.trestle.expansion.builder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.io.SchemaIOProvider;
import org.apache.beam.sdk.values.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SchemaIoConfigTest {
  private final SchemaIOProvider jdbc = jdbc();
  private final Schema schema = jdbc.configurationSchema();

  private static SchemaIOProvider jdbc() {
    for (SchemaIOProvider provider : ServiceLoader.load(SchemaIOProvider.class)) {
      if (provider.identifier().equals("jdbc")) {
        return provider;
      }
    }
    throw new AssertionError("there is no jdbc provider");
  }

  @Test
  void decodesARowOfThisVersion() throws IOException {
    Row row = jdbcRow(schema, null);
    assertThat(SchemaIoConfig.decode(jdbc, encoded(row))).isEqualTo(row);
  }

  @Test
  void decodesARowOfALaterSdkThatHasASecretManager() throws IOException {
    Row later = jdbcRow(later(), null);
    assertThat(SchemaIoConfig.decode(jdbc, encoded(later))).isEqualTo(jdbcRow(schema, null));
  }

  @Test
  void refusesASecretManager() throws IOException {
    byte[] row = encoded(jdbcRow(later(), "GoogleCloudSecretManager"));
    assertThatThrownBy(() -> SchemaIoConfig.decode(jdbc, row))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'secretManager'");
  }

  @Test
  void refusesARowWithMoreFieldsThanAnyKnownVersionHas() throws IOException {
    List<Field> fields = new ArrayList<>(later().getFields());
    fields.add(Field.nullable("another", FieldType.STRING));
    byte[] row = encoded(jdbcRow(Schema.of(fields.toArray(Field[]::new)), null));
    assertThatThrownBy(() -> SchemaIoConfig.decode(jdbc, row))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("19 fields")
        .hasMessageContaining("jdbcUrl");
  }

  @Test
  void refusesADamagedRow() {
    assertThatThrownBy(() -> SchemaIoConfig.decode(jdbc, new byte[] {3, 0}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no row of driverClassName");
  }

  private Schema later() {
    List<Field> fields = new ArrayList<>(schema.getFields());
    fields.add(4, Field.nullable("secretManager", FieldType.STRING));
    return Schema.of(fields.toArray(Field[]::new));
  }

  private static Row jdbcRow(Schema schema, @Nullable String secretManager) {
    Row.FieldValueBuilder builder =
        Row.withSchema(schema)
            .withFieldValue("driverClassName", "org.postgresql.Driver")
            .withFieldValue("jdbcUrl", "jdbc:postgresql://localhost/db")
            .withFieldValue("username", "ada")
            .withFieldValue("password", "secret");
    for (Field field : schema.getFields()) {
      if (field.getType().getNullable()) {
        builder =
            builder.withFieldValue(
                field.getName(), field.getName().equals("secretManager") ? secretManager : null);
      }
    }
    return builder.withFieldValue("readQuery", "SELECT 1").build();
  }

  private static byte[] encoded(Row row) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RowCoder.of(row.getSchema()).encode(row, out);
    return out.toByteArray();
  }
}
