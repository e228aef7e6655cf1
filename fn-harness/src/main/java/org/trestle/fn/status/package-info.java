/** What harnesses tell about themselves: the Fn API's worker status service. */
@NullMarked
package org.trestle.fn.status;

import org.jspecify.annotations.NullMarked;
