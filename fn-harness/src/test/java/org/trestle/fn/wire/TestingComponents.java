package org.trestle.fn.wire;

import com.google.protobuf.ByteString;
import java.util.HexFormat;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.SchemaApi.Schema;
import org.trestle.proto.Urns;

/** Coders for tests: each is added by its URN and gets an id of its own. */
final class TestingComponents {
  static final String UNKNOWN_URN = "test:coder:unknown:v1";

  private final Components.Builder components = Components.newBuilder();

  /** Adds a coder and returns its id. */
  String add(String urn, String... componentIds) {
    return add(urn, ByteString.EMPTY, List.of(componentIds));
  }

  String add(String urn, ByteString payload, List<String> componentIds) {
    String id = "coder" + components.getCodersCount();
    put(id, urn, payload, componentIds);
    return id;
  }

  void put(String id, String urn, ByteString payload, List<String> componentIds) {
    components.putCoders(
        id,
        Coder.newBuilder()
            .setSpec(FunctionSpec.newBuilder().setUrn(urn).setPayload(payload))
            .addAllComponentCoderIds(componentIds)
            .build());
  }

  String row(Schema schema) {
    return add(Urns.Coders.ROW, schema.toByteString(), List.of());
  }

  Components.Builder builder() {
    return components;
  }

  Components build() {
    return components.build();
  }

  WireCoder wire(String id) {
    return WireCoders.of(build(), id);
  }

  /** The coder with this id, written as {@code kv<bytes, length_prefix<unknown>>}. */
  String text(String id) {
    Coder coder = components.getCodersOrThrow(id);
    String name = coder.getSpec().getUrn().replaceAll("^[a-z]+:coder:|:v1$", "");
    return coder.getComponentCoderIdsCount() == 0
        ? name
        : name
            + "<"
            + String.join(", ", coder.getComponentCoderIdsList().stream().map(this::text).toList())
            + ">";
  }

  /** Bytes written as hexadecimal digits; blanks do not matter. */
  static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits.replace(" ", ""));
  }
}
