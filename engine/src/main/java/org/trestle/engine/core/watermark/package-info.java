/** What holds a watermark back. Owned by the thread of the job's core; imports the JDK only. */
@NullMarked
package org.trestle.engine.core.watermark;

import org.jspecify.annotations.NullMarked;
