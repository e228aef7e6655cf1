/**
 * The logging channel: each entry of a harness goes to the sink of its {@link
 * org.trestle.fn.control.WorkerSpec}, on the gRPC thread that parsed it. A slow sink slows its own
 * harness's logging down by flow control, nothing else.
 */
@NullMarked
package org.trestle.fn.logging;

import org.jspecify.annotations.NullMarked;
