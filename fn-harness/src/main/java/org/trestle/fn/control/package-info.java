/**
 * The runner's end of the Fn API: one server for all harnesses of the process, a {@link
 * org.trestle.fn.control.SdkWorker} for each connected harness, and bundles on it.
 *
 * <p>Knows protos and gRPC, and nothing of stages, watermarks or jobs.
 */
@NullMarked
package org.trestle.fn.control;

import org.jspecify.annotations.NullMarked;
