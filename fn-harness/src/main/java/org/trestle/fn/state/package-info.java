/**
 * The state channel: requests of running bundles, answered one at a time per bundle.
 *
 * <p>Threads: requests are parsed and answered on a small pool of their own, each bundle's in
 * order. As long as a harness has one bundle, answers are made on the thread of its stream, for
 * harnesses wait for each; with several bundles, elsewhere in the pool, so that a slow read of one
 * does not hold up another. A stream has a fixed number of requests under way; it asks gRPC for the
 * next only when an answer has gone out and the harness reads its answers.
 */
@NullMarked
package org.trestle.fn.state;

import org.jspecify.annotations.NullMarked;
