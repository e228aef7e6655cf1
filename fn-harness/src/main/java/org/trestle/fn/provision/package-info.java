/**
 * What a starting harness asks first: options, endpoints, dependencies and what the runner can do.
 */
@NullMarked
package org.trestle.fn.provision;

import org.jspecify.annotations.NullMarked;
