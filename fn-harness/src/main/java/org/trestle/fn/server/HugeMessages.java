package org.trestle.fn.server;

import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs messages whose size is unusual; they are not refused, one element may well be that big. */
final class HugeMessages extends ServerStreamTracer.Factory {
  private static final Logger log = LoggerFactory.getLogger(HugeMessages.class);
  private static final long HUGE_BYTES = 64L << 20;

  @Override
  public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
    return new ServerStreamTracer() {
      @Override
      public void inboundMessageRead(int number, long wireSize, long uncompressedSize) {
        if (uncompressedSize >= HUGE_BYTES) {
          log.warn("huge message from a harness, method={}, bytes={}", method, uncompressedSize);
        }
      }
    };
  }
}
