/**
 * Windowing strategies as the runner needs them, and the merging of windows.
 *
 * <p>Immutable values and pure functions; windows are opaque bytes but for the interval windows of
 * sessions.
 */
@NullMarked
package org.trestle.engine.windowing;

import org.jspecify.annotations.NullMarked;
