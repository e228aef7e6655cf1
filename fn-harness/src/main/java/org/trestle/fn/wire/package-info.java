/**
 * Beam's wire formats, read without decoding user values: where an encoded value ends, and what a
 * runner needs of a windowed value (timestamp, windows, pane, key bytes).
 *
 * <p>Everything here is a pure function over byte arrays: no I/O, no threads, no proto services.
 * Formats follow {@code beam_runner_api.proto} ({@code StandardCoders}) and {@code
 * standard_coders.yaml} of Apache Beam.
 */
@NullMarked
package org.trestle.fn.wire;

import org.jspecify.annotations.NullMarked;
