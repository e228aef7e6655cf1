/**
 * Starting and stopping harnesses: worker pools of the user ({@code external}, which LOOPBACK uses
 * as well), processes on this machine, and the choice among {@code anyof} alternatives.
 */
@NullMarked
package org.trestle.fn.environment;

import org.jspecify.annotations.NullMarked;
