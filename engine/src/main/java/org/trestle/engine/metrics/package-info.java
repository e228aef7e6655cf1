/**
 * Metrics of a job: what the bundles reported, added up.
 *
 * <p>An SDK reports metrics as monitoring infos; each has a type that says how its payload is
 * encoded and how two payloads become one. This package knows these rules and nothing of stages or
 * jobs. Classes that are shared between threads say so. May import the protos and {@code
 * org.trestle.fn.control}.
 */
@NullMarked
package org.trestle.engine.metrics;

import org.jspecify.annotations.NullMarked;
