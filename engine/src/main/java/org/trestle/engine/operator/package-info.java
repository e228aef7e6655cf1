/**
 * Transforms that the runner executes itself.
 *
 * <p>A bundle runs on one of the runner's threads; the core leases each key group to one bundle at
 * a time. Bundles are not tried again: one that fails ends the job, so state is changed in place.
 * May use the graph, the core, windowing, shuffle and state.
 */
@NullMarked
package org.trestle.engine.operator;

import org.jspecify.annotations.NullMarked;
