/**
 * The service's settings: their names, defaults and meaning, and where a value comes from (flag,
 * environment, file, default). Immutable values; depends on the JDK only.
 */
@NullMarked
package org.trestle.job.config;

import org.jspecify.annotations.NullMarked;
