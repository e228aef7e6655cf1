/**
 * Java transforms for pipelines in other languages: a server of Beam's expansion API.
 *
 * <p>{@link org.trestle.expansion.ExpansionCommand} is the program. {@link
 * org.trestle.expansion.ExpansionEndpoint} answers requests: Beam's own expansion does the work,
 * and what fails is told in words of the request. {@link org.trestle.expansion.StagedJars} are the
 * jars that workers need for the transforms, handed out by {@link
 * org.trestle.expansion.ArtifactEndpoint}.
 *
 * <p>The package knows the Beam SDK and no other part of Trestle: the SDK brings the classes of the
 * model itself, under the names that Trestle's own generated ones have.
 *
 * <p>Threading: a small pool answers calls; what the calls share is immutable or safe for threads.
 */
@NullMarked
package org.trestle.expansion;

import org.jspecify.annotations.NullMarked;
