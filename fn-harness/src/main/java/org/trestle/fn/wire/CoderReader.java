package org.trestle.fn.wire;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.trestle.proto.Urns;

/** Turns coders of one pipeline into wire coders; each coder is read once. For one use. */
final class CoderReader {
  /** Deep enough for any pipeline, and far from the end of a thread's stack. */
  static final int MAX_DEPTH = 200;

  private final Components components;
  private final boolean strict;
  private final Map<String, WireCoder> read = new HashMap<>();
  private final Set<String> path = new LinkedHashSet<>();

  /**
   * @param strict whether to refuse rows that SDKs do not encode alike
   */
  CoderReader(Components components, boolean strict) {
    this.components = components;
    this.strict = strict;
  }

  /**
   * Reads a coder.
   *
   * @throws UnknownCoderException if it, or one of its components, cannot be read
   */
  WireCoder value(String id) {
    WireCoder known = read.get(id);
    if (known != null) {
      return known;
    }
    Coder coder = enter(id);
    WireCoder made = make(id, coder);
    path.remove(id);
    read.put(id, made);
    return made;
  }

  /**
   * Reads a coder of windows.
   *
   * @throws UnknownCoderException if it is not one of windows that a runner can read
   */
  WindowCoder window(String id) {
    Coder coder = enter(id);
    String urn = coder.getSpec().getUrn();
    WindowCoder made;
    if (urn.equals(Urns.Coders.GLOBAL_WINDOW)) {
      made = WindowCoders.GLOBAL;
    } else if (urn.equals(Urns.Coders.INTERVAL_WINDOW)) {
      made = WindowCoders.INTERVAL;
    } else if (urn.equals(Urns.Coders.CUSTOM_WINDOW)) {
      made = new WindowCoders.Custom(value(component(id, coder, 0, 1)));
    } else if (urn.equals(Urns.Coders.LENGTH_PREFIX)) {
      made = new WindowCoders.LengthPrefixed(window(component(id, coder, 0, 1)));
    } else {
      throw new UnknownCoderException(
          describe(id, coder) + " is not a coder of windows that a runner can read");
    }
    path.remove(id);
    return made;
  }

  private Coder enter(String id) {
    Coder coder = components.getCodersOrDefault(id, Coder.getDefaultInstance());
    if (!components.containsCoders(id)) {
      throw new UnknownCoderException("coder '" + id + "' is not among the pipeline's components");
    }
    if (!path.add(id)) {
      throw new UnknownCoderException(describe(id, coder) + " contains itself");
    }
    if (path.size() > MAX_DEPTH) {
      throw new UnknownCoderException(
          describe(id, coder) + " is nested deeper than " + MAX_DEPTH + " coders");
    }
    return coder;
  }

  private WireCoder make(String id, Coder coder) {
    String urn = coder.getSpec().getUrn();
    if (urn.equals(Urns.Coders.BYTES)
        || urn.equals(Urns.Coders.STRING_UTF8)
        || urn.equals(Urns.Coders.LENGTH_PREFIX)) {
      return Encodings.LENGTH_PREFIXED;
    } else if (urn.equals(Urns.Coders.VARINT)) {
      return Encodings.VARINT;
    } else if (urn.equals(Urns.Coders.BOOL)) {
      return Encodings.BOOL;
    } else if (urn.equals(Urns.Coders.DOUBLE)) {
      return new Encodings.Fixed(Double.BYTES);
    } else if (urn.equals(Urns.Coders.GLOBAL_WINDOW)) {
      return new Encodings.Fixed(0);
    } else if (urn.equals(Urns.Coders.INTERVAL_WINDOW)) {
      return WindowCoders.INTERVAL;
    } else if (urn.equals(Urns.Coders.ROW)) {
      return row(id, coder);
    } else {
      return composite(id, coder);
    }
  }

  private WireCoder composite(String id, Coder coder) {
    String urn = coder.getSpec().getUrn();
    if (urn.equals(Urns.Coders.KV)) {
      return Encodings.pair(part(id, coder, 0, 2), part(id, coder, 1, 2));
    } else if (urn.equals(Urns.Coders.ITERABLE)) {
      return new Encodings.Elements(part(id, coder, 0, 1), false);
    } else if (urn.equals(Urns.Coders.STATE_BACKED_ITERABLE)) {
      return new Encodings.Elements(part(id, coder, 0, 1), true);
    } else if (urn.equals(Urns.Coders.NULLABLE)) {
      return new Encodings.Nullable(part(id, coder, 0, 1));
    } else if (urn.equals(Urns.Coders.SHARDED_KEY)) {
      return Encodings.pair(Encodings.LENGTH_PREFIXED, part(id, coder, 0, 1));
    } else if (urn.equals(Urns.Coders.WINDOWED_VALUE)) {
      return Encodings.windowedValue(part(id, coder, 0, 2), part(id, coder, 1, 2));
    } else if (urn.equals(Urns.Coders.PARAM_WINDOWED_VALUE)) {
      return part(id, coder, 0, 2);
    } else if (urn.equals(Urns.Coders.CUSTOM_WINDOW)) {
      return Encodings.pair(new Encodings.Fixed(Timestamps.LENGTH), part(id, coder, 0, 1));
    } else if (urn.equals(Urns.Coders.TIMER)) {
      return new Encodings.Timer(
          part(id, coder, 0, 2), new Encodings.Elements(part(id, coder, 1, 2), false));
    } else {
      throw new UnknownCoderException(describe(id, coder) + " is not a standard coder");
    }
  }

  private WireCoder row(String id, Coder coder) {
    try {
      if (strict && !RowFormat.isUnambiguous(coder.getSpec().getPayload())) {
        throw new UnknownCoderException("SDKs do not agree on its encoding");
      }
      return RowFormat.of(coder.getSpec().getPayload());
    } catch (UnknownCoderException e) {
      throw new UnknownCoderException(describe(id, coder) + ": " + e.getMessage());
    }
  }

  private WireCoder part(String id, Coder coder, int index, int count) {
    return value(component(id, coder, index, count));
  }

  /**
   * Returns the id of a component of a coder that must have {@code count} of them.
   *
   * @throws UnknownCoderException if it has not
   */
  static String component(String id, Coder coder, int index, int count) {
    if (coder.getComponentCoderIdsCount() != count) {
      throw new UnknownCoderException(
          "%s has %d components instead of %d"
              .formatted(describe(id, coder), coder.getComponentCoderIdsCount(), count));
    }
    return coder.getComponentCoderIds(index);
  }

  /** Names a coder in messages. */
  static String describe(String id, Coder coder) {
    return "coder '" + id + "' (" + coder.getSpec().getUrn() + ")";
  }
}
