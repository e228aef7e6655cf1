package org.trestle.fn.wire;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.trestle.proto.Urns;

/**
 * Rewrites coders so that a runner can tell where each value ends: whatever it does not know is
 * wrapped into {@code length_prefix}, as deep inside the coder as possible.
 *
 * <p>Keys, values, elements of iterables and windows thus keep their places, and the coder stays
 * the SDK's own for all else. New coders get ids made from the old ones; the same question always
 * has the same answer, and a rewritten coder is left alone.
 */
public final class LengthPrefixing {
  private static final Set<String> LEAVES =
      Set.of(
          Urns.Coders.BYTES,
          Urns.Coders.STRING_UTF8,
          Urns.Coders.BOOL,
          Urns.Coders.VARINT,
          Urns.Coders.DOUBLE,
          Urns.Coders.INTERVAL_WINDOW,
          Urns.Coders.GLOBAL_WINDOW,
          Urns.Coders.LENGTH_PREFIX);

  private static final Map<String, Integer> COMPOSITES =
      Map.of(
          Urns.Coders.KV, 2,
          Urns.Coders.ITERABLE, 1,
          Urns.Coders.STATE_BACKED_ITERABLE, 1,
          Urns.Coders.NULLABLE, 1,
          Urns.Coders.SHARDED_KEY, 1);

  /** Coders of something in windows: a value or key, then a window. */
  private static final Set<String> WINDOWED =
      Set.of(Urns.Coders.WINDOWED_VALUE, Urns.Coders.TIMER, Urns.Coders.PARAM_WINDOWED_VALUE);

  private final Components.Builder components;
  private final Map<String, String> rewritten = new HashMap<>();
  private final Set<String> path = new HashSet<>();

  private LengthPrefixing(Components.Builder components) {
    this.components = components;
  }

  /**
   * Returns the id of a coder equivalent to {@code coderId} whose values {@link WireCoders} can
   * skip: that very id, or one of a coder added to {@code components}.
   *
   * @throws UnknownCoderException if the coder or a component is missing, contains itself, or is a
   *     standard coder with a wrong number of components
   */
  public static String wireCoderId(Components.Builder components, String coderId) {
    return new LengthPrefixing(components).value(coderId);
  }

  /**
   * Returns the id of a coder equivalent to {@code coderId} whose windows {@link WireCoders#window}
   * can read. Windows that are neither global nor intervals get their maximum timestamp and length
   * put before them: {@code custom_window<length_prefix<coder>>}.
   *
   * @throws UnknownCoderException as {@link #wireCoderId} does
   */
  public static String wireWindowCoderId(Components.Builder components, String coderId) {
    return new LengthPrefixing(components).window(coderId);
  }

  private String value(String id) {
    String done = rewritten.get(id);
    if (done != null) {
      return done;
    }
    Coder coder = enter(id);
    String result = rewrite(id, coder);
    path.remove(id);
    rewritten.put(id, result);
    return result;
  }

  private Coder enter(String id) {
    if (!components.containsCoders(id)) {
      throw new UnknownCoderException("coder '" + id + "' is not among the pipeline's components");
    }
    Coder coder = components.getCodersOrThrow(id);
    if (!path.add(id)) {
      throw new UnknownCoderException(CoderReader.describe(id, coder) + " contains itself");
    }
    if (path.size() > CoderReader.MAX_DEPTH) {
      throw new UnknownCoderException(
          "%s is nested deeper than %d coders"
              .formatted(CoderReader.describe(id, coder), CoderReader.MAX_DEPTH));
    }
    return coder;
  }

  private String rewrite(String id, Coder coder) {
    String urn = coder.getSpec().getUrn();
    if (LEAVES.contains(urn)) {
      return id;
    }
    if (urn.equals(Urns.Coders.ROW)) {
      return isUnambiguousRow(id, coder) ? id : prefix(id);
    }
    if (urn.equals(Urns.Coders.CUSTOM_WINDOW)) {
      return customWindow(id, coder);
    }
    if (WINDOWED.contains(urn)) {
      return windowed(id, coder);
    }
    Integer count = COMPOSITES.get(urn);
    if (count == null) {
      return prefix(id);
    }
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      parts.add(value(CoderReader.component(id, coder, i, count)));
    }
    return withComponents(id, coder, parts);
  }

  private String windowed(String id, Coder coder) {
    String value = value(CoderReader.component(id, coder, 0, 2));
    String oldWindow = CoderReader.component(id, coder, 1, 2);
    String window = window(oldWindow);
    if (coder.getSpec().getUrn().equals(Urns.Coders.PARAM_WINDOWED_VALUE)
        && !window.equals(oldWindow)) {
      // Its payload holds windows in their old encoding, which cannot be rewritten here.
      return prefix(id);
    }
    return withComponents(id, coder, List.of(value, window));
  }

  private String window(String id) {
    Coder coder = enter(id);
    String result;
    if (isStandardWindow(coder)) {
      result = id;
    } else if (coder.getSpec().getUrn().equals(Urns.Coders.CUSTOM_WINDOW)) {
      result = customWindow(id, coder);
    } else if (coder.getSpec().getUrn().equals(Urns.Coders.LENGTH_PREFIX)
        && window(CoderReader.component(id, coder, 0, 1)).equals(coder.getComponentCoderIds(0))) {
      result = id;
    } else {
      result =
          add(
              id + "_timestamped",
              coderOf(FunctionSpec.newBuilder().setUrn(Urns.Coders.CUSTOM_WINDOW), inWindow(id)));
    }
    path.remove(id);
    return result;
  }

  private String customWindow(String id, Coder coder) {
    String component = CoderReader.component(id, coder, 0, 1);
    return withComponents(id, coder, List.of(inWindow(component)));
  }

  /**
   * Returns the coder of what follows the timestamp of a custom window. Always one that has the
   * same encoding inside of others and alone, since SDKs put windows alone into state keys.
   */
  private String inWindow(String id) {
    Coder coder = components.getCodersOrDefault(id, Coder.getDefaultInstance());
    return isStandardWindow(coder) || coder.getSpec().getUrn().equals(Urns.Coders.LENGTH_PREFIX)
        ? id
        : prefix(id);
  }

  private static boolean isStandardWindow(Coder coder) {
    String urn = coder.getSpec().getUrn();
    return urn.equals(Urns.Coders.GLOBAL_WINDOW) || urn.equals(Urns.Coders.INTERVAL_WINDOW);
  }

  private static boolean isUnambiguousRow(String id, Coder coder) {
    try {
      return RowFormat.isUnambiguous(coder.getSpec().getPayload());
    } catch (UnknownCoderException e) {
      throw new UnknownCoderException(CoderReader.describe(id, coder) + ": " + e.getMessage());
    }
  }

  private String prefix(String id) {
    return add(
        id + "_prefixed", coderOf(FunctionSpec.newBuilder().setUrn(Urns.Coders.LENGTH_PREFIX), id));
  }

  private String withComponents(String id, Coder coder, List<String> parts) {
    if (parts.equals(coder.getComponentCoderIdsList())) {
      return id;
    }
    return add(
        id + "_wire",
        coder.toBuilder().clearComponentCoderIds().addAllComponentCoderIds(parts).build());
  }

  private static Coder coderOf(FunctionSpec.Builder spec, String component) {
    return Coder.newBuilder().setSpec(spec).addComponentCoderIds(component).build();
  }

  /** Adds a coder under a name of its own, or finds it where an earlier call has put it. */
  private String add(String name, Coder coder) {
    String id = name;
    for (int i = 1; components.containsCoders(id); i++) {
      if (components.getCodersOrThrow(id).equals(coder)) {
        return id;
      }
      id = name + "_" + i;
    }
    components.putCoders(id, coder);
    return id;
  }
}
