/**
 * The state channel: requests of running bundles, answered one at a time per bundle.
 *
 * <p>Threads: requests are parsed where they arrive. Those whose answer is a page at hand are
 * answered there as well, since a harness waits for each. All others are answered on a small pool,
 * each bundle's in order, so that a slow read of one bundle does not hold up another. A stream has
 * a fixed number of requests under way; it asks gRPC for the next only when an answer has gone out
 * and the harness reads its answers.
 */
@NullMarked
package org.trestle.fn.state;

import org.jspecify.annotations.NullMarked;
