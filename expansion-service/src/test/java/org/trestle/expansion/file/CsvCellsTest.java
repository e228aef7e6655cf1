package org.trestle.expansion.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.values.Row;
import org.joda.time.DateTime;
import org.joda.time.DateTimeZone;
import org.junit.jupiter.api.Test;

class CsvCellsTest {
  private static final Schema ALL =
      Schema.builder()
          .addStringField("text")
          .addBooleanField("yes")
          .addInt16Field("small")
          .addInt32Field("middle")
          .addInt64Field("large")
          .addFloatField("single")
          .addDoubleField("double")
          .addDecimalField("exact")
          .addDateTimeField("time")
          .addNullableStringField("note")
          .build();

  @Test
  void readsWhatItHasWritten() {
    Row row =
        Row.withSchema(ALL)
            .addValues("a, \"b\"", true, (short) 1, 2, 3L, 0.5f, 0.25, new BigDecimal("1.10"))
            .addValue(new DateTime(2024, 2, 29, 12, 30, DateTimeZone.UTC))
            .addValue(null)
            .build();

    Object[] cells = CsvCells.of(row);

    assertThatCode(() -> CsvCells.check(ALL)).doesNotThrowAnyException();
    for (int i = 0; i < cells.length; i++) {
      assertThat(CsvCells.value(ALL.getField(i), (String) cells[i]))
          .as(ALL.getField(i).getName())
          .isEqualTo(row.getValue(i));
    }
  }

  @Test
  void anEmptyCellIsNullOnlyWhereTheFieldIsOptional() {
    assertThat(CsvCells.value(Field.nullable("count", FieldType.INT32), "")).isNull();
    assertThat(CsvCells.value(Field.of("name", FieldType.STRING), "")).isEqualTo("");
    assertThatThrownBy(() -> CsvCells.value(Field.of("count", FieldType.INT32), ""))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void namesTheFieldOfACellThatHoldsNoSuchValue() {
    assertThatThrownBy(() -> CsvCells.value(Field.of("count", FieldType.INT32), "many"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("field 'count' is INT32, but a cell has 'many'");
    assertThatThrownBy(() -> CsvCells.value(Field.of("done", FieldType.BOOLEAN), "1"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("field 'done' is BOOLEAN");
  }

  @Test
  void refusesFieldsWithoutText() {
    Schema nested = Schema.builder().addArrayField("tags", FieldType.STRING).build();

    assertThatThrownBy(() -> CsvCells.check(nested))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("field 'tags', which is ARRAY");
  }
}
