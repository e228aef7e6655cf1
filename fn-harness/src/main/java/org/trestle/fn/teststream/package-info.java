/**
 * The client of a {@code TestStreamService}, which gives out the events of a TestStream one by one.
 *
 * <p>Knows protos and gRPC, and nothing of stages or jobs.
 */
@NullMarked
package org.trestle.fn.teststream;

import org.jspecify.annotations.NullMarked;
