/**
 * Names that Beam's model protos define: URNs of transforms, coders, environments, requirements,
 * capabilities and more, taken from the protos' own enum options.
 *
 * <p>Everything here is an immutable constant or a pure function. Depends on the generated model
 * classes only.
 */
@NullMarked
package org.trestle.proto;

import org.jspecify.annotations.NullMarked;
