/**
 * An immutable typed model of a pipeline, and the check that it can be planned. Protos are its
 * payload: nothing here is changed once made, and nothing here has threads or does I/O.
 */
@NullMarked
package org.trestle.engine.graph;

import org.jspecify.annotations.NullMarked;
