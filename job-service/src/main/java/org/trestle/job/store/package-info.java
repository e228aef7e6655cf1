/**
 * The state directory: one directory a job, with its description, pipeline, events and metrics.
 * Used by one service at a time.
 */
@NullMarked
package org.trestle.job.store;

import org.jspecify.annotations.NullMarked;
