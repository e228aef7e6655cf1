/**
 * The transforms that Beam's cross-language tests ask a test expansion service for. The conformance
 * tests give their jar to the service.
 */
@NullMarked
package org.trestle.expansion.xlang;

import org.jspecify.annotations.NullMarked;
