package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.fn.wire.LengthPrefixing;
import org.trestle.fn.wire.UnknownCoderException;
import org.trestle.proto.Urns.Coders;

/**
 * Finds the wire coder of every coder: the same coder with each coder inside it that the runner
 * does not know wrapped in a length prefix. Two wire coders are the same format if and only if
 * their ids are equal.
 *
 * <p>Coders are added to the components as they are asked for; ids depend on the order of the
 * questions and nothing else. Not safe for use by several threads.
 */
final class WireCoderTable {
  private final Components.Builder components;
  private final Map<Coder, String> interned = new HashMap<>();

  /** As deep as any coder of an SDK may be; far from what the stack allows. */
  private static final int DEEPEST = 200;

  private final Map<String, String> unified = new HashMap<>();
  private final Set<String> underWay = new HashSet<>();
  private final Map<String, String> wire = new HashMap<>();
  private final Map<String, String> wireWindow = new HashMap<>();

  WireCoderTable(Components.Builder components) {
    this.components = components;
  }

  /** Returns the id of a coder's wire coder. */
  String wire(String coderId) {
    String known = wire.get(coderId);
    if (known == null) {
      try {
        known = unified(LengthPrefixing.wireCoderId(components, coderId));
      } catch (UnknownCoderException e) {
        throw new InvalidPipelineException(List.of(String.valueOf(e.getMessage())));
      }
      wire.put(coderId, known);
    }
    return known;
  }

  /** Returns the id of a window coder's wire coder. */
  String wireWindow(String coderId) {
    String known = wireWindow.get(coderId);
    if (known == null) {
      try {
        known = unified(LengthPrefixing.wireWindowCoderId(components, coderId));
      } catch (UnknownCoderException e) {
        throw new InvalidPipelineException(List.of(String.valueOf(e.getMessage())));
      }
      wireWindow.put(coderId, known);
    }
    return known;
  }

  /** Returns the id of a coder without payload over other coders as they are. */
  String of(String urn, String... componentIds) {
    Coder coder =
        Coder.newBuilder()
            .setSpec(FunctionSpec.newBuilder().setUrn(urn))
            .addAllComponentCoderIds(List.of(componentIds))
            .build();
    String shortUrn = urn.replaceFirst("^beam:coder:", "").replaceFirst(":v\\d+$", "");
    String name = componentIds.length == 0 ? shortUrn : String.join("_", componentIds);
    return add(coder, componentIds.length == 0 ? name : shortUrn + "_of_" + name);
  }

  /** Returns the id of {@code windowed_value} over two wire coders. */
  String windowed(String wireCoderId, String wireWindowCoderId) {
    return of(Coders.WINDOWED_VALUE, wireCoderId, wireWindowCoderId);
  }

  /** Returns a component of a coder if it has the URN and the component, else null. */
  @Nullable String component(String coderId, String urn, int index) {
    Coder coder = coder(coderId);
    return coder.getSpec().getUrn().equals(urn) && index < coder.getComponentCoderIdsCount()
        ? coder.getComponentCoderIds(index)
        : null;
  }

  Coder coder(String coderId) {
    // Not by the builder's map: to make it is to copy it.
    if (!components.containsCoders(coderId)) {
      throw new InvalidPipelineException(List.of("coder \"%s\" is missing".formatted(coderId)));
    }
    return components.getCodersOrThrow(coderId);
  }

  /** Returns one id for all coders of the same structure. */
  private String unified(String coderId) {
    String known = unified.get(coderId);
    if (known != null) {
      return known;
    }
    if (!underWay.add(coderId) || underWay.size() > DEEPEST) {
      throw new InvalidPipelineException(
          List.of(
              "coder \"%s\" is nested in itself or more than %d levels deep; coders must form trees"
                  .formatted(coderId, DEEPEST)));
    }
    Coder coder = coder(coderId);
    List<String> parts = new ArrayList<>();
    for (String part : coder.getComponentCoderIdsList()) {
      parts.add(unified(part));
    }
    underWay.remove(coderId);
    String result;
    if (parts.equals(coder.getComponentCoderIdsList())) {
      result = interned.putIfAbsent(coder, coderId);
      result = result == null ? coderId : result;
    } else {
      result =
          add(
              coder.toBuilder().clearComponentCoderIds().addAllComponentCoderIds(parts).build(),
              coderId);
    }
    unified.put(coderId, result);
    return result;
  }

  private String add(Coder coder, String proposedId) {
    String known = interned.get(coder);
    if (known != null) {
      return known;
    }
    String id = proposedId;
    for (int i = 2; components.containsCoders(id); i++) {
      id = proposedId + "_" + i;
    }
    components.putCoders(id, coder);
    interned.put(coder, id);
    unified.put(id, id);
    return id;
  }
}
