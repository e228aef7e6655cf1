/**
 * The state machine of a job: its plan, its events and its actions.
 *
 * <p>{@link org.trestle.engine.core.schedule.JobCore} takes the events. Behind it, a stage's state
 * keeps pending work and holds, an edge's state joins watermarks, a pool counts slots, and the
 * bundle sizer decides how much goes into a bundle. Nothing here is safe for use by several
 * threads.
 */
@NullMarked
package org.trestle.engine.core.schedule;

import org.jspecify.annotations.NullMarked;
