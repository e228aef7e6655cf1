package org.trestle.fn.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.SchemaApi;
import org.apache.beam.model.pipeline.v1.SchemaApi.Field;
import org.apache.beam.model.pipeline.v1.SchemaApi.FieldType;
import org.apache.beam.model.pipeline.v1.SchemaApi.LogicalType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Schema;
import org.trestle.proto.Urns;

/**
 * A row: the number of fields, a bit set of those that are null, then the others in the order of
 * their encoding positions.
 *
 * <p>The number of fields on the wire may differ from the schema's, after a schema gained or lost
 * fields at its end; lost ones can be skipped only if they are null.
 */
final class RowFormat implements WireCoder {
  private static final Set<String> STANDARD_LOGICAL_TYPES =
      Urns.allOf(SchemaApi.LogicalTypes.Enum.getDescriptor());

  private final WireCoder[] fields;

  private RowFormat(List<WireCoder> fields) {
    this.fields = fields.toArray(new WireCoder[0]);
  }

  /**
   * Reads the payload of a row coder.
   *
   * @throws UnknownCoderException if it is not a schema, or one with types that cannot be skipped
   */
  static WireCoder of(ByteString payload) {
    return of(parse(payload));
  }

  /**
   * Returns whether all SDKs encode rows of a schema alike. They do not if it has types whose
   * coders are not standard (bytes, 16-bit integers, logical types of one SDK), or nullable fields
   * with encoding positions of their own: Java numbers the null bits by encoding position, Python
   * by place in the schema.
   *
   * @throws UnknownCoderException if {@code payload} is not a schema
   */
  static boolean isUnambiguous(ByteString payload) {
    return isUnambiguous(parse(payload));
  }

  private static Schema parse(ByteString payload) {
    try {
      return Schema.parseFrom(payload);
    } catch (InvalidProtocolBufferException e) {
      throw new UnknownCoderException("payload is not a schema: " + e.getMessage());
    }
  }

  private static WireCoder of(Schema schema) {
    List<Field> ordered = new ArrayList<>(schema.getFieldsList());
    if (schema.getEncodingPositionsSet()) {
      ordered.sort(Comparator.comparingInt(Field::getEncodingPosition));
    }
    List<WireCoder> fields = new ArrayList<>();
    for (Field field : ordered) {
      fields.add(ofPresent(field.getName(), field.getType()));
    }
    return new RowFormat(fields);
  }

  private static WireCoder ofNullable(String field, FieldType type) {
    WireCoder present = ofPresent(field, type);
    return type.getNullable() ? new Encodings.Nullable(present) : present;
  }

  private static WireCoder ofPresent(String field, FieldType type) {
    return switch (type.getTypeInfoCase()) {
      case ATOMIC_TYPE ->
          switch (type.getAtomicType()) {
            case BYTE -> new Encodings.Fixed(Byte.BYTES);
            case INT16 -> new Encodings.Fixed(Short.BYTES);
            case INT32, INT64 -> Encodings.VARINT;
            case FLOAT -> new Encodings.Fixed(Float.BYTES);
            case DOUBLE -> new Encodings.Fixed(Double.BYTES);
            case STRING, BYTES -> Encodings.LENGTH_PREFIXED;
            case BOOLEAN -> Encodings.BOOL;
            case UNSPECIFIED, UNRECOGNIZED -> throw unknown(field);
          };
      case ARRAY_TYPE ->
          new Encodings.Elements(ofNullable(field, type.getArrayType().getElementType()), false);
      case ITERABLE_TYPE ->
          new Encodings.Elements(ofNullable(field, type.getIterableType().getElementType()), false);
      case MAP_TYPE ->
          new Encodings.Entries(
              Encodings.pair(
                  ofNullable(field, type.getMapType().getKeyType()),
                  ofNullable(field, type.getMapType().getValueType())));
      case ROW_TYPE -> of(type.getRowType().getSchema());
      case LOGICAL_TYPE -> ofLogical(field, type.getLogicalType());
      case TYPEINFO_NOT_SET -> throw unknown(field);
    };
  }

  private static WireCoder ofLogical(String field, LogicalType type) {
    if (type.getUrn().equals(Urns.LogicalTypes.MILLIS_INSTANT)) {
      return new Encodings.Fixed(Timestamps.LENGTH);
    }
    if (type.getUrn().equals(Urns.LogicalTypes.DECIMAL)) {
      return Encodings.DECIMAL;
    }
    return ofNullable(field, type.getRepresentation());
  }

  private static boolean isUnambiguous(Schema schema) {
    boolean nullable = false;
    boolean inOrder = true;
    for (int i = 0; i < schema.getFieldsCount(); i++) {
      Field field = schema.getFields(i);
      if (!isUnambiguous(field.getType())) {
        return false;
      }
      nullable |= field.getType().getNullable();
      inOrder &= !schema.getEncodingPositionsSet() || field.getEncodingPosition() == i;
    }
    return inOrder || !nullable;
  }

  private static boolean isUnambiguous(FieldType type) {
    return switch (type.getTypeInfoCase()) {
      case ATOMIC_TYPE ->
          switch (type.getAtomicType()) {
            case INT32, INT64, FLOAT, DOUBLE, STRING, BOOLEAN, BYTES -> true;
            case BYTE, INT16, UNSPECIFIED, UNRECOGNIZED -> false;
          };
      case ARRAY_TYPE -> isUnambiguous(type.getArrayType().getElementType());
      case ITERABLE_TYPE -> isUnambiguous(type.getIterableType().getElementType());
      case MAP_TYPE ->
          isUnambiguous(type.getMapType().getKeyType())
              && isUnambiguous(type.getMapType().getValueType());
      case ROW_TYPE -> isUnambiguous(type.getRowType().getSchema());
      case LOGICAL_TYPE ->
          STANDARD_LOGICAL_TYPES.contains(type.getLogicalType().getUrn())
              && isUnambiguous(type.getLogicalType().getRepresentation());
      case TYPEINFO_NOT_SET -> false;
    };
  }

  private static UnknownCoderException unknown(String field) {
    return new UnknownCoderException("field '" + field + "' has no known type");
  }

  @Override
  public int skip(byte[] buffer, int position, int limit) {
    long count = VarInts.decode(buffer, position, limit);
    int nulls = VarInts.skip(buffer, position, limit);
    int next = Encodings.LENGTH_PREFIXED.skip(buffer, nulls, limit);
    nulls = VarInts.skip(buffer, nulls, limit);
    int nullsEnd = next;
    if (count < 0 || count > Math.max(fields.length, 8L * (nullsEnd - nulls))) {
      throw new WireFormatException(
          "a row of " + count + " fields at " + position + ", its schema has " + fields.length);
    }
    for (int i = 0; i < count; i++) {
      if (isNull(buffer, nulls, nullsEnd, i)) {
        continue;
      }
      if (i >= fields.length) {
        throw new WireFormatException(
            "field " + i + " of a row at " + position + " is not in its schema");
      }
      next = fields[i].skip(buffer, next, limit);
    }
    return next;
  }

  private static boolean isNull(byte[] buffer, int nulls, int nullsEnd, int field) {
    int index = nulls + (field >> 3);
    return index < nullsEnd && ((buffer[index] >> (field & 7)) & 1) != 0;
  }
}
