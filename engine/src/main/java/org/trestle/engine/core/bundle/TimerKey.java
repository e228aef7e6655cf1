package org.trestle.engine.core.bundle;

import org.trestle.engine.core.port.ByteKey;

/**
 * Names a timer within a stage: setting it again replaces it.
 *
 * @param family stage-unique name of the timer family (transform and family id)
 */
public record TimerKey(String family, ByteKey key, ByteKey window, String tag) {}
