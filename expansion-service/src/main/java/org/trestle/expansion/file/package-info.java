/**
 * SchemaTransforms that read and write files of rows: lines, CSV, JSON, Avro and Parquet. A format
 * is what differs between them.
 *
 * <p>Providers and formats are stateless. They are used by one thread at a time for an expansion;
 * what they put into a pipeline runs in workers.
 */
@NullMarked
package org.trestle.expansion.file;

import org.jspecify.annotations.NullMarked;
