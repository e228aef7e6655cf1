/**
 * Beam's wire formats, read without decoding user values: where an encoded value ends, and what a
 * runner needs of a windowed value (timestamp, windows, pane, key bytes).
 *
 * <p>Everything here is a pure function over byte arrays: no I/O, no threads, no proto services.
 * Formats follow {@code beam_runner_api.proto} ({@code StandardCoders}) and {@code
 * standard_coders.yaml} of Apache Beam. Depends on the model protos only.
 *
 * <h2>From a pipeline's coder to a cursor</h2>
 *
 * <ol>
 *   <li>{@link org.trestle.fn.wire.LengthPrefixing} rewrites the coder of a materialised
 *       PCollection, and the window coder of its windowing strategy, so that both can be skipped;
 *       the harness gets the rewritten ones in its process bundle descriptor.
 *   <li>{@link org.trestle.fn.wire.WireCoders} turns them into {@link
 *       org.trestle.fn.wire.WireCoder}, {@link org.trestle.fn.wire.WindowCoder} or, at once, into a
 *       cursor.
 *   <li>{@link org.trestle.fn.wire.WindowedValueCursor} and {@link org.trestle.fn.wire.TimerCursor}
 *       walk over received bytes; {@link org.trestle.fn.wire.WindowedValueWriter} and {@link
 *       org.trestle.fn.wire.TimerWriter} make new ones in a {@link org.trestle.fn.wire.ByteSink}.
 * </ol>
 *
 * <p>Malformed or truncated bytes are answered by {@link org.trestle.fn.wire.WireFormatException},
 * coders that cannot be read by {@link org.trestle.fn.wire.UnknownCoderException}. No input makes a
 * reader leave its range, or work longer than its size and the depth of its coder allow.
 *
 * <h2>Windows</h2>
 *
 * <p>A runner must know when a window ends. Global and interval windows say so themselves. All
 * others reach the runner only if it asks for their maximum timestamp: it gives the harness {@code
 * custom_window<length_prefix<X>>} where the pipeline says {@code X}, and the harness then writes
 * each window as an eight-byte maximum timestamp, a length and the window in its own coder.
 *
 * <ul>
 *   <li>Python: a window function's coder is arbitrary (a pickled coder unless it is a standard
 *       one), so windows arrive as just said. A custom window function over interval windows, even
 *       a merging one, uses the standard coder, and nothing is special about its bytes.
 *   <li>Java: the same, with a serialised Java coder as {@code X}.
 *   <li>Go has global and interval windows only.
 * </ul>
 *
 * <p>SDKs also put windows into state keys, encoded by the window coder that the descriptor's
 * windowing strategy names, and alone rather than inside of an element. The strategy must therefore
 * name the rewritten coder too; since a window is always length-prefixed in it, the bytes are then
 * the same as in an element, and a window of the one can be looked up by the other.
 *
 * <h2>Rows</h2>
 *
 * <p>{@link org.trestle.fn.wire.WireCoders#of} reads any row, but {@link
 * org.trestle.fn.wire.WireCoders#isKnown} is false, and {@link org.trestle.fn.wire.LengthPrefixing}
 * adds a length, where SDKs are known to differ or no standard says how to encode: bytes and 16-bit
 * integers, logical types of a single SDK, and nullable fields that have encoding positions of
 * their own.
 */
@NullMarked
package org.trestle.fn.wire;

import org.jspecify.annotations.NullMarked;
