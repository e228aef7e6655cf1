/**
 * Artifact retrieval: what the job's client staged, given to the job's harnesses in chunks. Files
 * are read on gRPC's call threads, as fast as the harness takes the chunks.
 */
@NullMarked
package org.trestle.fn.artifact;

import org.jspecify.annotations.NullMarked;
