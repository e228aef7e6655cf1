/** The job service: Beam's job API in front of an engine, and the {@code trestle} command. */
@NullMarked
package org.trestle.job;

import org.jspecify.annotations.NullMarked;
