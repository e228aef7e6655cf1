/**
 * Submits pipelines of the Beam Java SDK to a Trestle job service, and follows the jobs.
 *
 * <p>{@link org.trestle.client.TrestleRunner} is what a user names with {@code --runner}. It
 * translates the pipeline with the SDK's own translation, prepares the job, offers the files of the
 * class path to the service, and runs it; {@link org.trestle.client.TrestlePipelineResult} is the
 * job. With LOOPBACK workers the user's code runs in threads of the submitting process.
 *
 * <p>The package knows the Beam SDK and no other part of Trestle: the SDK brings the classes of the
 * model itself, under the names that Trestle's own generated ones have.
 *
 * <p>Threading: one thread a job reads its messages; all other calls are made on the caller's.
 */
@NullMarked
package org.trestle.client;

import org.jspecify.annotations.NullMarked;
