/**
 * The data channel: elements and timers of all bundles of a harness, multiplexed on one stream.
 *
 * <p>Threads: inbound messages are handed on by the gRPC thread that parsed them, one at a time per
 * stream, and the stream's flow control stops the harness while a receiver is busy. Outbound, each
 * stream has an {@link org.trestle.fn.data.ElementsWriter}: its drain runs on a shared pool, never
 * twice at once, and stops when gRPC is not ready to take more. No thread belongs to a bundle.
 */
@NullMarked
package org.trestle.fn.data;

import org.jspecify.annotations.NullMarked;
