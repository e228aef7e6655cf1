/**
 * JMH benchmarks of hot paths: what the runner does for each element, message, bundle or request.
 *
 * <p>They use public methods of the engine and of the Fn API alone, on made-up data. The build
 * compiles them and does not run them.
 */
@NullMarked
package org.trestle.benchmark.micro;

import org.jspecify.annotations.NullMarked;
