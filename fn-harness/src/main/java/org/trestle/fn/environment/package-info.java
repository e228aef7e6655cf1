/**
 * Starting and stopping harnesses: worker pools of the user ({@code external}, which LOOPBACK uses
 * as well), processes on this machine, and the choice among {@code anyof} alternatives.
 *
 * <p>Threads: one for deadlines, and one per harness process that reads what it prints. No method
 * waits, except {@link org.trestle.fn.environment.EnvironmentWorkers#close}.
 */
@NullMarked
package org.trestle.fn.environment;

import org.jspecify.annotations.NullMarked;
