package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import com.google.protobuf.ByteString;
import java.util.List;
import org.apache.beam.model.pipeline.v1.SchemaApi.ArrayType;
import org.apache.beam.model.pipeline.v1.SchemaApi.AtomicType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Field;
import org.apache.beam.model.pipeline.v1.SchemaApi.FieldType;
import org.apache.beam.model.pipeline.v1.SchemaApi.LogicalType;
import org.apache.beam.model.pipeline.v1.SchemaApi.RowType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Schema;
import org.junit.jupiter.api.Test;
import org.trestle.proto.Urns;

class RowFormatTest {
  private final TestingComponents coders = new TestingComponents();

  private static FieldType atomic(AtomicType type) {
    return FieldType.newBuilder().setAtomicType(type).build();
  }

  private static FieldType nullable(FieldType type) {
    return type.toBuilder().setNullable(true).build();
  }

  private static Schema schema(FieldType... types) {
    Schema.Builder schema = Schema.newBuilder();
    for (FieldType type : types) {
      schema.addFields(Field.newBuilder().setName("f" + schema.getFieldsCount()).setType(type));
    }
    return schema.build();
  }

  private int skip(Schema schema, String digits) {
    byte[] encoded = hex(digits);
    return coders.wire(coders.row(schema)).skip(encoded, 0, encoded.length);
  }

  private boolean isKnown(Schema schema) {
    String id = put(schema);
    return WireCoders.isKnown(coders.build(), id);
  }

  private String put(Schema schema) {
    coders.put("row", Urns.Coders.ROW, schema.toByteString(), List.of());
    return "row";
  }

  @Test
  void readsRowsOfASchemaWithFewerFields() {
    Schema schema = schema(atomic(AtomicType.INT64), nullable(atomic(AtomicType.STRING)));

    assertThat(skip(schema, "01 00 05")).isEqualTo(3);
  }

  @Test
  void readsRowsOfASchemaWithMoreFieldsIfTheyAreNull() {
    Schema schema = schema(atomic(AtomicType.INT64));

    assertThat(skip(schema, "03 01 06 05")).isEqualTo(4);
    assertThatThrownBy(() -> skip(schema, "02 01 00 05 05"))
        .isInstanceOf(WireFormatException.class);
    assertThatThrownBy(() -> skip(schema, "ffffffffffffffff7f 00"))
        .isInstanceOf(WireFormatException.class);
  }

  @Test
  void readsShortSetsOfNulls() {
    FieldType number = nullable(atomic(AtomicType.INT32));
    Schema schema =
        schema(number, number, number, number, number, number, number, number, number, number);

    assertThat(skip(schema, "0a 01 fe 01 02 03")).isEqualTo(6);
    assertThat(skip(schema, "0a 02 fe 02 01 03")).isEqualTo(6);
  }

  @Test
  void readsNestedRowsAndArraysOfNullableElements() {
    FieldType row =
        FieldType.newBuilder()
            .setRowType(RowType.newBuilder().setSchema(schema(atomic(AtomicType.BOOLEAN))))
            .build();
    FieldType array =
        FieldType.newBuilder()
            .setArrayType(ArrayType.newBuilder().setElementType(nullable(row)))
            .build();

    assertThat(skip(schema(array), "01 00 00000003 00 01010001 00")).isEqualTo(12);
    assertThat(isKnown(schema(array))).isTrue();
  }

  @Test
  void readsNullsByEncodingPositionAsJavaDoes() {
    Schema schema =
        Schema.newBuilder()
            .setEncodingPositionsSet(true)
            .addFields(
                Field.newBuilder()
                    .setType(nullable(atomic(AtomicType.DOUBLE)))
                    .setEncodingPosition(1))
            .addFields(
                Field.newBuilder()
                    .setType(nullable(atomic(AtomicType.BOOLEAN)))
                    .setEncodingPosition(0))
            .build();

    assertThat(skip(schema, "02 01 02 01")).isEqualTo(4);
    assertThat(isKnown(schema)).isFalse();
  }

  @Test
  void knowsOnlyTypesThatAllSdksEncodeAlike() {
    assertThat(isKnown(schema(atomic(AtomicType.INT32), atomic(AtomicType.FLOAT)))).isTrue();
    assertThat(isKnown(schema(atomic(AtomicType.INT16)))).isFalse();
    assertThat(isKnown(schema(atomic(AtomicType.BYTE)))).isFalse();
    assertThat(isKnown(schema(logical("test:logical_type:v1")))).isFalse();
    assertThat(isKnown(schema(logical(Urns.LogicalTypes.DECIMAL)))).isTrue();
  }

  @Test
  void readsOtherLogicalTypesAsTheirRepresentation() {
    assertThat(skip(schema(logical("test:logical_type:v1")), "01 00 02 aabb")).isEqualTo(5);
  }

  private static FieldType logical(String urn) {
    return FieldType.newBuilder()
        .setLogicalType(
            LogicalType.newBuilder().setUrn(urn).setRepresentation(atomic(AtomicType.BYTES)))
        .build();
  }

  @Test
  void refusesPayloadsThatAreNoSchema() {
    coders.put("row", Urns.Coders.ROW, ByteString.copyFromUtf8("\nno schema"), List.of());

    assertThatThrownBy(() -> coders.wire("row"))
        .isInstanceOf(UnknownCoderException.class)
        .hasMessageContaining("'row'")
        .hasMessageContaining("not a schema");
  }

  @Test
  void refusesFieldsWithoutType() {
    assertThatThrownBy(() -> coders.wire(put(schema(FieldType.getDefaultInstance()))))
        .isInstanceOf(UnknownCoderException.class)
        .hasMessageContaining("'f0'");
  }
}
