/** The state machine of a job: its plan, its events and its actions. */
@NullMarked
package org.trestle.engine.core.schedule;

import org.jspecify.annotations.NullMarked;
