/**
 * Made-up jobs that a service runs before its users' first ones, so that the JVM has loaded and
 * compiled the way of a job by then. From the service's view they are jobs of any client: this
 * package knows Beam's APIs only, and brings its own worker pool with a stand-in for an SDK
 * harness.
 */
@NullMarked
package org.trestle.job.rehearsal;

import org.jspecify.annotations.NullMarked;
