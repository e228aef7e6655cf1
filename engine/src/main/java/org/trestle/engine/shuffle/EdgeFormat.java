package org.trestle.engine.shuffle;

import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WireCoder;

/**
 * How the bytes of an edge are read: windowed values of these coders.
 *
 * @param value coder of the whole value ({@code KV<K, V>} where there is a key)
 * @param key coder of the key, the first part of the value; null if the values have none
 */
public record EdgeFormat(WindowCoder window, WireCoder value, @Nullable WireCoder key) {}
