package org.trestle.expansion.file;

import java.math.BigDecimal;
import java.util.Locale;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.values.Row;
import org.joda.time.DateTimeZone;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;

/** The text of values in cells. */
final class CsvCells {
  private CsvCells() {}

  /**
   * Checks that a row fits into cells.
   *
   * @throws IllegalArgumentException if a field has no text form
   */
  static void check(Schema schema) {
    for (Field field : schema.getFields()) {
      switch (field.getType().getTypeName()) {
        case STRING, BOOLEAN, INT16, INT32, INT64, FLOAT, DOUBLE, DECIMAL, DATETIME -> {}
        default ->
            throw new IllegalArgumentException(
                "format 'csv' has no cells for field '"
                    + field.getName()
                    + "', which is "
                    + field.getType().getTypeName());
      }
    }
  }

  /** The cells of a row; null is an empty one. */
  static Object[] of(Row row) {
    Object[] cells = new Object[row.getFieldCount()];
    for (int i = 0; i < cells.length; i++) {
      Object value = row.getValue(i);
      cells[i] = value == null ? "" : value.toString();
    }
    return cells;
  }

  /**
   * Reads a cell.
   *
   * @throws IllegalArgumentException if it holds no value of the field
   */
  static @Nullable Object value(Field field, String cell) {
    if (cell.isEmpty() && field.getType().getNullable()) {
      return null;
    }
    try {
      return switch (field.getType().getTypeName()) {
        case STRING -> cell;
        case BOOLEAN -> bool(cell);
        case INT16 -> Short.valueOf(cell);
        case INT32 -> Integer.valueOf(cell);
        case INT64 -> Long.valueOf(cell);
        case FLOAT -> Float.valueOf(cell);
        case DOUBLE -> Double.valueOf(cell);
        case DECIMAL -> new BigDecimal(cell);
        case DATETIME -> Instant.parse(cell).toDateTime(DateTimeZone.UTC);
        default -> throw new IllegalArgumentException("it is of a type without text");
      };
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "field '"
              + field.getName()
              + "' is "
              + field.getType().getTypeName()
              + ", but a cell has '"
              + cell
              + "'",
          e);
    }
  }

  private static boolean bool(String cell) {
    return switch (cell.toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("neither true nor false");
    };
  }
}
