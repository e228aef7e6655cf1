/**
 * What the core needs of the world: blocks of elements held by a store, and keys as opaque bytes.
 */
@NullMarked
package org.trestle.engine.core.port;

import org.jspecify.annotations.NullMarked;
