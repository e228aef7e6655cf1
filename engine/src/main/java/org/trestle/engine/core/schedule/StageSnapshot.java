package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.StageId;

/**
 * A stage's figures at one moment.
 *
 * @param pendingElements elements that wait at the stage's input, delayed residuals and work that
 *     will be retried among them
 * @param inFlightElements elements in running bundles
 * @param timers timers that are set and not in a running bundle
 * @param committedElements elements consumed by bundles that have committed
 * @param bundles bundles that have committed
 * @param failedBundles attempts that have failed
 */
public record StageSnapshot(
    StageId id,
    long inputWatermark,
    long outputWatermark,
    long pendingElements,
    long pendingBytes,
    int inFlightBundles,
    long inFlightElements,
    int timers,
    long committedElements,
    long bundles,
    long failedBundles,
    boolean complete) {}
