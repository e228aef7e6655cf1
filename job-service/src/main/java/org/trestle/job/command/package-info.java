/** The {@code trestle} command: starting the service, and asking a running one. */
@NullMarked
package org.trestle.job.command;

import org.jspecify.annotations.NullMarked;
