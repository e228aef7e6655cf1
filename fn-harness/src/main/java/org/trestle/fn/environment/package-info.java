/**
 * Starting and stopping harnesses: worker pools of the user ({@code external}, which LOOPBACK uses
 * as well), processes on this machine, containers on a Docker engine, and the choice among {@code
 * anyof} alternatives.
 *
 * <p>Threads: one for deadlines, one per harness process that reads what it prints, and for
 * containers a few that call the engine and two of its client for each. Only the check of an
 * environment waits, for seconds at most, and {@link
 * org.trestle.fn.environment.EnvironmentWorkers#close}.
 */
@NullMarked
package org.trestle.fn.environment;

import org.jspecify.annotations.NullMarked;
