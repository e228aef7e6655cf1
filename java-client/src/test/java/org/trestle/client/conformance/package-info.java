/**
 * Runs Beam's own JUnit tests one by one, for the conformance suite {@code java}: {@link
 * org.trestle.client.conformance.TestServer} is the program that the suite starts.
 */
@NullMarked
package org.trestle.client.conformance;

import org.jspecify.annotations.NullMarked;
