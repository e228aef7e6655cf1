/**
 * Rewrites pipelines: each pass is a pure function from a pipeline to an equivalent one. Depends on
 * {@code graph} only.
 */
@NullMarked
package org.trestle.engine.optimize;

import org.jspecify.annotations.NullMarked;
