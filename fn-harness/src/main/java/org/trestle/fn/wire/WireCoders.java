package org.trestle.fn.wire;

import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.trestle.proto.Urns;

/** Wire coders of a pipeline's coders. */
public final class WireCoders {
  private WireCoders() {}

  /**
   * Returns how to skip values of a coder, which and whose components must be standard ones.
   *
   * @throws UnknownCoderException if the coder is missing, malformed or not a standard one; the
   *     message names the coder or component that is to blame
   */
  public static WireCoder of(Components components, String coderId) {
    return new CoderReader(components, false).value(coderId);
  }

  /**
   * Returns how to read windows of a coder: global or interval windows, custom windows behind their
   * maximum timestamp, or one of these behind its length.
   *
   * @throws UnknownCoderException if it is none of these; {@link LengthPrefixing#wireWindowCoderId}
   *     gives an equivalent one that is
   */
  public static WindowCoder window(Components components, String coderId) {
    return new CoderReader(components, false).window(coderId);
  }

  /**
   * Returns whether values of a coder can be skipped whichever SDK wrote them. If so, {@link #of}
   * has an answer for it. The reverse does not hold for rows with fields that SDKs encode
   * differently.
   */
  public static boolean isKnown(Components components, String coderId) {
    try {
      new CoderReader(components, true).value(coderId);
      return true;
    } catch (UnknownCoderException e) {
      return false;
    }
  }

  /**
   * Returns a cursor over windowed values, one that finds keys if the values are of the {@code kv}
   * coder.
   *
   * @throws UnknownCoderException if one of the coders cannot be read
   */
  public static WindowedValueCursor cursor(
      Components components, String valueCoderId, String windowCoderId) {
    CoderReader reader = new CoderReader(components, false);
    WindowCoder window = reader.window(windowCoderId);
    Coder coder = components.getCodersOrDefault(valueCoderId, Coder.getDefaultInstance());
    if (!coder.getSpec().getUrn().equals(Urns.Coders.KV)) {
      return new WindowedValueCursor(window, reader.value(valueCoderId));
    }
    return new WindowedValueCursor(
        window,
        reader.value(CoderReader.component(valueCoderId, coder, 0, 2)),
        reader.value(CoderReader.component(valueCoderId, coder, 1, 2)));
  }

  /**
   * Returns a cursor over timers of a {@code timer} coder.
   *
   * @throws UnknownCoderException if it is another coder, or its components cannot be read
   */
  public static TimerCursor timers(Components components, String timerCoderId) {
    Coder coder = components.getCodersOrDefault(timerCoderId, Coder.getDefaultInstance());
    if (!coder.getSpec().getUrn().equals(Urns.Coders.TIMER)) {
      throw new UnknownCoderException(
          CoderReader.describe(timerCoderId, coder) + " is not a coder of timers");
    }
    CoderReader reader = new CoderReader(components, false);
    return new TimerCursor(
        reader.value(CoderReader.component(timerCoderId, coder, 0, 2)),
        reader.window(CoderReader.component(timerCoderId, coder, 1, 2)));
  }
}
