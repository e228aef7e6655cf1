package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import java.util.List;

/** Paged groups for tests of other packages. */
public final class TestingGroups {
  private TestingGroups() {}

  /** Adds a group of these values, each in a chunk of its own, and returns its token. */
  public static ByteString add(PagedGroups groups, List<byte[]> values) {
    return groups
        .make(
            chunks -> {
              for (byte[] value : values) {
                chunks.add(value, 0, value.length);
                chunks.takeOver(List.of());
              }
            })
        .token();
  }
}
