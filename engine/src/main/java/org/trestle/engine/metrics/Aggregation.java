package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * How the payloads of one metric type are read, added up and written. States are immutable.
 *
 * @param <S> what is known of a metric after some payloads
 */
interface Aggregation<S> {

  /** Reads one payload. */
  S decode(ByteString payload) throws MalformedPayloadException;

  /**
   * Joins two states. Commutative and associative, unless the aggregation says otherwise.
   *
   * @throws MalformedPayloadException if the two do not belong to the same metric
   */
  S combine(S earlier, S later) throws MalformedPayloadException;

  /** Writes a state in the type's format; null when there is nothing to tell yet. */
  @Nullable ByteString encode(S state);
}
