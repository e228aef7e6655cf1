/**
 * How busy this machine and its processes are, as Linux tells it under {@code /proc}. Elsewhere
 * nothing is known, and nothing fails.
 */
@NullMarked
package org.trestle.fn.machine;

import org.jspecify.annotations.NullMarked;
