/**
 * What a running bundle can ask for by state key: side inputs and user state, kept encoded.
 *
 * <p>Answers are pages of whole elements, continued by tokens. Safe for use by several threads.
 */
@NullMarked
package org.trestle.engine.state;

import org.jspecify.annotations.NullMarked;
