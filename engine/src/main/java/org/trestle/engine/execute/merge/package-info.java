/**
 * Merging and mapping of windows by the SDK, for window fns that the runner does not know.
 *
 * <p>A bundle of its own asks the harness what becomes of some windows. Callers block on a runner
 * thread, with a deadline. May import the protos, {@code org.trestle.fn}, {@code
 * org.trestle.engine.windowing} and {@code org.trestle.engine.core.port}.
 */
@NullMarked
package org.trestle.engine.execute.merge;

import org.jspecify.annotations.NullMarked;
