/** Bundles as values: the work that goes out, and the result that comes back. */
@NullMarked
package org.trestle.engine.core.bundle;

import org.jspecify.annotations.NullMarked;
