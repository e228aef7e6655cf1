package org.trestle.engine.core.bundle;

import org.trestle.engine.core.port.ElementBlock;

/**
 * Work that a bundle gave back: it returns to the input of the bundle's own stage.
 *
 * @param delayMillis processing time to wait before it runs again; 0 for none
 * @param outputWatermark no output of this work will be earlier; holds the stage's output watermark
 */
public record Residual(ElementBlock block, long delayMillis, long outputWatermark) {}
