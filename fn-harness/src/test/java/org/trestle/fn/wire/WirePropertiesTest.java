package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.UNKNOWN_URN;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.beam.model.pipeline.v1.SchemaApi.AtomicType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Field;
import org.apache.beam.model.pipeline.v1.SchemaApi.FieldType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Schema;
import org.trestle.proto.Urns;

/** What must hold for any coder and any bytes. */
class WirePropertiesTest {
  private static final List<String> LEAVES =
      List.of(
          Urns.Coders.BYTES,
          Urns.Coders.STRING_UTF8,
          Urns.Coders.BOOL,
          Urns.Coders.VARINT,
          Urns.Coders.DOUBLE,
          Urns.Coders.GLOBAL_WINDOW,
          Urns.Coders.INTERVAL_WINDOW,
          Urns.Coders.ROW,
          UNKNOWN_URN);

  private static final List<String> COMPOSITES =
      List.of(
          Urns.Coders.KV,
          Urns.Coders.ITERABLE,
          Urns.Coders.STATE_BACKED_ITERABLE,
          Urns.Coders.NULLABLE,
          Urns.Coders.SHARDED_KEY,
          Urns.Coders.LENGTH_PREFIX,
          Urns.Coders.CUSTOM_WINDOW,
          Urns.Coders.WINDOWED_VALUE,
          Urns.Coders.PARAM_WINDOWED_VALUE,
          Urns.Coders.TIMER);

  /** A coder by its URN and components. */
  record Tree(String urn, List<Tree> components) {
    String addTo(TestingComponents coders) {
      if (urn.equals(Urns.Coders.ROW)) {
        return coders.row(SCHEMA);
      }
      return coders.add(
          urn, components.stream().map(tree -> tree.addTo(coders)).toArray(String[]::new));
    }
  }

  private static final Schema SCHEMA =
      Schema.newBuilder()
          .addFields(field("a", AtomicType.INT64))
          .addFields(field("b", AtomicType.STRING))
          .build();

  private static Field field(String name, AtomicType type) {
    return Field.newBuilder()
        .setName(name)
        .setType(FieldType.newBuilder().setAtomicType(type).setNullable(true))
        .build();
  }

  @Property
  void rewrittenCodersAreKnownAndStay(@ForAll("coders") Tree tree) {
    TestingComponents coders = new TestingComponents();
    String id = tree.addTo(coders);
    boolean knownBefore = WireCoders.isKnown(coders.build(), id);

    String wire = LengthPrefixing.wireCoderId(coders.builder(), id);
    String window = LengthPrefixing.wireWindowCoderId(coders.builder(), id);

    assertThat(WireCoders.isKnown(coders.build(), wire)).isTrue();
    assertThat(LengthPrefixing.wireCoderId(coders.builder(), wire)).isEqualTo(wire);
    assertThat(WireCoders.window(coders.build(), window)).isNotNull();
    assertThat(LengthPrefixing.wireWindowCoderId(coders.builder(), window)).isEqualTo(window);
    if (!knownBefore) {
      assertThat(wire).isNotEqualTo(id);
    }
  }

  @Property
  void skippingAnyBytesEndsInsideOrFails(@ForAll("coders") Tree tree, @ForAll byte[] bytes) {
    TestingComponents coders = new TestingComponents();
    String id = LengthPrefixing.wireCoderId(coders.builder(), tree.addTo(coders));
    WireCoder coder = coders.wire(id);

    assertEndsInsideOrFails(coder, bytes);
  }

  /** Bytes that look like counts and lengths, which get further than others do. */
  @Property
  void skippingSmallNumbersEndsInsideOrFails(
      @ForAll("coders") Tree tree, @ForAll("smallNumbers") byte[] bytes) {
    TestingComponents coders = new TestingComponents();
    String id = LengthPrefixing.wireCoderId(coders.builder(), tree.addTo(coders));

    assertEndsInsideOrFails(coders.wire(id), bytes);
  }

  private static void assertEndsInsideOrFails(WireCoder coder, byte[] bytes) {
    int end;
    try {
      end = coder.skip(bytes, 0, bytes.length);
    } catch (WireFormatException e) {
      return;
    }
    assertThat(end).isBetween(0, bytes.length);
    // a value says itself where it ends: what follows does not matter, and nothing can be missing
    assertThat(coder.skip(bytes, 0, end)).isEqualTo(end);
    if (end > 0) {
      assertThatThrownBy(() -> coder.skip(bytes, 0, end - 1))
          .isInstanceOf(WireFormatException.class);
    }
  }

  @Provide
  Arbitrary<byte[]> smallNumbers() {
    return Arbitraries.of((byte) 0, (byte) 0, (byte) 0, (byte) 1, (byte) 2, (byte) -1, (byte) -128)
        .array(byte[].class)
        .ofMaxSize(80);
  }

  @Provide
  Arbitrary<Tree> coders() {
    return tree(3);
  }

  private static Arbitrary<Tree> tree(int depth) {
    Arbitrary<Tree> leaf = Arbitraries.of(LEAVES).map(urn -> new Tree(urn, List.of()));
    if (depth == 0) {
      return leaf;
    }
    Arbitrary<Tree> composite =
        Arbitraries.of(COMPOSITES)
            .flatMap(
                urn ->
                    tree(depth - 1)
                        .list()
                        .ofSize(componentCount(urn))
                        .map(components -> new Tree(urn, components)));
    return Arbitraries.oneOf(leaf, composite, composite);
  }

  private static int componentCount(String urn) {
    return List.of(
                Urns.Coders.KV,
                Urns.Coders.WINDOWED_VALUE,
                Urns.Coders.PARAM_WINDOWED_VALUE,
                Urns.Coders.TIMER)
            .contains(urn)
        ? 2
        : 1;
  }
}
