/**
 * Preparations and jobs: their life from Prepare to a terminal state, between the job API and the
 * engine. Safe for use by several threads; the state of a job is guarded by that job.
 */
@NullMarked
package org.trestle.job.run;

import org.jspecify.annotations.NullMarked;
