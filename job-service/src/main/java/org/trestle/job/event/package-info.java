/**
 * What happened to a job, in order: state changes, messages and log entries of harnesses. Appended
 * by the job, kept in bounded files, read by any number of readers at their own pace.
 */
@NullMarked
package org.trestle.job.event;

import org.jspecify.annotations.NullMarked;
