/**
 * Joins all: plans a job, leases workers, runs bundles, commits, finishes. The only package of the
 * engine with threads.
 */
@NullMarked
package org.trestle.engine.execute;

import org.jspecify.annotations.NullMarked;
