/**
 * Elements between stages: blocks that wait at edges, and the groups of grouping stages, in memory
 * or on disk under one memory budget.
 *
 * <p>All values stay encoded. Blocks and budgets are safe for use by several threads; writers and
 * the key groups of a table belong to one thread at a time. Imports the core's values and ports,
 * {@code windowing} and {@code fn.wire}.
 */
@NullMarked
package org.trestle.engine.shuffle;

import org.jspecify.annotations.NullMarked;
