package org.trestle.expansion.file;

import org.apache.avro.AvroRuntimeException;
import org.apache.beam.sdk.extensions.avro.schemas.utils.AvroUtils;
import org.apache.beam.sdk.schemas.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The schema of the rows to be read, as the user has given it.
 *
 * @param avro an Avro schema in JSON; null if none was given
 */
record UserSchema(@Nullable String avro) {
  /**
   * Reads a schema that has to be there.
   *
   * @throws IllegalArgumentException if it is not there, or is no schema of a record
   */
  Schema required() {
    if (avro == null || avro.isBlank()) {
      throw new IllegalArgumentException(
          "field 'schema' is missing: it takes an Avro schema of type record, in JSON");
    }
    try {
      return AvroUtils.toBeamSchema(new org.apache.avro.Schema.Parser().parse(avro));
    } catch (AvroRuntimeException e) {
      throw new IllegalArgumentException(
          "field 'schema' is no Avro schema of type record: " + e.getMessage(), e);
    }
  }

  /**
   * Refuses a schema.
   *
   * @throws IllegalArgumentException if one was given
   */
  void refuse(String format) {
    if (avro != null && !avro.isBlank()) {
      throw new IllegalArgumentException("field 'schema': format '" + format + "' takes none");
    }
  }
}
