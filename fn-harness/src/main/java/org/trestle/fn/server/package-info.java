/**
 * One gRPC server for all harnesses of the process, and the runner's side of each of them.
 *
 * <h2>Threads</h2>
 *
 * <ul>
 *   <li>Netty's event loops move bytes. Of ours, only state requests are taken there, and those
 *       whose answer is a page at hand answered.
 *   <li>{@code fn-call-N}: a fixed pool for the callbacks of all other calls. gRPC never overlaps
 *       the callbacks of one call. Responses complete futures here, and {@link
 *       org.trestle.fn.control.BundleReceiver#elements} and {@code timers} are called here: they
 *       should parse and append, not wait.
 *   <li>{@code fn-data-N}: pulls and writes bundles' inputs.
 *   <li>{@code fn-state-N}: answers all other state requests.
 *   <li>{@code fn-sweep}: looks for missed deadlines.
 * </ul>
 *
 * <h2>Locks</h2>
 *
 * Each guards fields for a few instructions, and no foreign code (futures, receivers, sinks, gRPC
 * calls other than writing) runs under one, with a single exception: {@code ActiveBundle.receiving}
 * is held during a receiver's data call, to keep the calls of several data streams apart. Order
 * where they nest: {@code ActiveBundle.receiving}, {@code ActiveBundle.lock}; {@code
 * WorkerSession.lock}, {@code DataStreams.lock} and {@code ControlStream.lock} never nest.
 *
 * <h2>Trust</h2>
 *
 * A harness proves who it is by its worker id (the {@code worker_id} metadata of each call), which
 * cannot be guessed; a call without a known one is refused before it reaches a service. What a
 * known harness sends can fail its bundles or end the harness, and is otherwise counted and
 * dropped.
 */
@NullMarked
package org.trestle.fn.server;

import org.jspecify.annotations.NullMarked;
