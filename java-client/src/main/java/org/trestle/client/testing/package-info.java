/**
 * Runs pipelines of tests, as Beam's {@code TestPipeline} makes them. Needs JUnit 4 and Hamcrest on
 * the class path, which {@code TestPipeline} needs as well.
 */
@NullMarked
package org.trestle.client.testing;

import org.jspecify.annotations.NullMarked;
