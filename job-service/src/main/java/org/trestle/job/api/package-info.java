/**
 * The gRPC services: Beam's job API and artifact staging, and Trestle's own admin service. The only
 * package that knows gRPC statuses.
 */
@NullMarked
package org.trestle.job.api;

import org.jspecify.annotations.NullMarked;
