/**
 * Fuses transforms into stages and says why each barrier between them is there. The result is a
 * value: stages in topological order, the edges between them, and a process bundle descriptor for
 * each stage that runs in an SDK. No threads, no I/O.
 */
@NullMarked
package org.trestle.engine.fuse;

import org.jspecify.annotations.NullMarked;
