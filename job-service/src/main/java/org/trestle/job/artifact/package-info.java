/**
 * Artifacts of jobs: taken from the client, checked, stored once by digest, and read back for
 * harnesses.
 */
@NullMarked
package org.trestle.job.artifact;

import org.jspecify.annotations.NullMarked;
