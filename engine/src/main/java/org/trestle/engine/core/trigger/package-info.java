/**
 * Triggers: when the elements of a key and window are given out. Descriptions are immutable values;
 * a machine made of one changes the small state of a key and window. Nothing reads a clock; imports
 * the JDK only.
 */
@NullMarked
package org.trestle.engine.core.trigger;

import org.jspecify.annotations.NullMarked;
