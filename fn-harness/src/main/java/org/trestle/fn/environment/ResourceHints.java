package org.trestle.fn.environment;

import com.google.protobuf.ByteString;
import java.math.BigDecimal;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.proto.Urns;

/**
 * What the transforms of an environment want of its machine; 0 where they do not say.
 *
 * @param memoryBytes bytes of memory
 * @param cpus how many processors
 */
record ResourceHints(long memoryBytes, double cpus) {

  /**
   * Reads the hints of an environment.
   *
   * @throws UnsupportedEnvironmentException if one is not a number; the message names it
   */
  static ResourceHints of(Environment environment) {
    return new ResourceHints(
        number(environment, Urns.ResourceHints.MIN_RAM_BYTES).longValue(),
        number(environment, Urns.ResourceHints.CPU_COUNT).doubleValue());
  }

  private static BigDecimal number(Environment environment, String urn) {
    ByteString text = environment.getResourceHintsMap().get(urn);
    if (text == null) {
      return BigDecimal.ZERO;
    }
    try {
      BigDecimal number = new BigDecimal(text.toStringUtf8());
      if (number.signum() >= 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Named below, as a negative one is.
    }
    throw new UnsupportedEnvironmentException(
        "resource hint " + urn + " is '" + text.toStringUtf8() + "', not a number");
  }

  boolean isEmpty() {
    return memoryBytes == 0 && cpus == 0;
  }
}
