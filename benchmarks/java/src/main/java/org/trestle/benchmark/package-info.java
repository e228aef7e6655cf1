/**
 * Workloads for the Beam Java SDK, and the program that submits them to a job service.
 *
 * <p>Depends on the SDK and on Trestle's client; any job service can run them.
 */
@NullMarked
package org.trestle.benchmark;

import org.jspecify.annotations.NullMarked;
