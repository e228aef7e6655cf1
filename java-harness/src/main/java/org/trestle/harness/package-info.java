/**
 * Boots Beam's Java harness in a process, as the boot program of an SDK container does: asks the
 * runner what the worker is for, puts the job's jars on the class path, and hands over to the
 * harness, in the same process.
 *
 * <p>Threading: all happens on the main thread, before the harness starts its own.
 */
@NullMarked
package org.trestle.harness;

import org.jspecify.annotations.NullMarked;
