/** Timers that wait for their time. Owned by the thread of the job's core; imports the JDK only. */
@NullMarked
package org.trestle.engine.core.timer;

import org.jspecify.annotations.NullMarked;
