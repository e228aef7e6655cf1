/**
 * How many workers a job has in an environment, and how many bundles each of them runs at once:
 * decided from what waits and from how busy processors and memory are, as figures that come in.
 */
@NullMarked
package org.trestle.engine.core.scale;

import org.jspecify.annotations.NullMarked;
