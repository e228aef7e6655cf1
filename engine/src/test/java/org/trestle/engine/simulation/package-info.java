/**
 * Runs the core against fake workers on seeded schedules, and compares with a naive executor.
 *
 * <p>A pipeline, its data, and all that happens while it runs follow from one number, the seed. So
 * a run that fails is repeated with {@code -Dsimulation.seed=N}.
 */
@NullMarked
package org.trestle.engine.simulation;

import org.jspecify.annotations.NullMarked;
