package org.trestle.fn.server;

import java.util.concurrent.atomic.LongAdder;

/** The running numbers behind {@link FnCounts}. */
final class Counters {
  final LongAdder ignoredResponses = new LongAdder();
  final LongAdder droppedBlocks = new LongAdder();
  final LongAdder failedStateRequests = new LongAdder();
  final LongAdder refusedCalls = new LongAdder();

  FnCounts snapshot() {
    return new FnCounts(
        ignoredResponses.sum(), droppedBlocks.sum(), failedStateRequests.sum(), refusedCalls.sum());
  }
}
