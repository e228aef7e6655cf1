/**
 * Builders of Java transforms that other SDKs name by URN and that no library registers: SQL, and
 * the tables and topics of {@link org.apache.beam.sdk.schemas.io.SchemaIOProvider}, JDBC among
 * them. URNs and configurations are those that Beam's Python and Go SDKs send.
 *
 * <p>Builders are stateless; a configuration is filled by Beam and then read by one thread.
 */
@NullMarked
package org.trestle.expansion.builder;

import org.jspecify.annotations.NullMarked;
