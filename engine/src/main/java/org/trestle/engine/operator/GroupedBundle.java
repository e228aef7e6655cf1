package org.trestle.engine.operator;

import org.trestle.engine.core.bundle.BundleResult;

/**
 * What a bundle of a {@link TriggeredGrouping} did.
 *
 * @param droppedDueToLateness elements, counted in each of their windows, whose window had expired
 * @param droppedDueToClosedWindow elements, counted in each of their windows, whose window's
 *     trigger had finished
 */
public record GroupedBundle(
    BundleResult result, long droppedDueToLateness, long droppedDueToClosedWindow) {}
