/**
 * The deterministic heart of the engine: which bundle may run, and what a commit changes.
 *
 * <p>One thread owns a job's core. Events go in, actions come out; no I/O, no locks, no wall clock,
 * no protos. Imports the JDK only.
 */
@NullMarked
package org.trestle.engine.core;

import org.jspecify.annotations.NullMarked;
