package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.PagedGroups;
import org.trestle.engine.shuffle.PagedGroups.Group;

/** Answers reads of the values of large groups page by page. Safe for use by several threads. */
public final class GroupPages {
  /** The size that pages of an answer aim at. */
  public static final int DEFAULT_PAGE_BYTES = 1 << 20;

  private final PagedGroups groups;
  private final int pageBytes;

  public GroupPages(PagedGroups groups, int pageBytes) {
    this.groups = groups;
    this.pageBytes = pageBytes;
  }

  /**
   * Answers a get of a runner key, which is the token of an iterable.
   *
   * @return a response without id
   * @throws StateRequestException if it is another request, or a token is not ours
   * @throws org.trestle.engine.shuffle.SpillException if the disk fails
   */
  public StateResponse.Builder handle(StateRequest request) {
    ByteString name = request.getStateKey().getRunner().getKey();
    if (!request.hasGet()) {
      throw new StateRequestException(
          "values of a group can only be read, not " + request.getRequestCase());
    }
    Group group = groups.find(name);
    if (group == null) {
      throw new StateRequestException(
          "this runner gave out no runner state key of " + name.size() + " bytes like this one");
    }
    int check = name.hashCode();
    ByteString token = request.getGet().getContinuationToken();
    int from = PageToken.parse(token, check).position();
    if (from >= group.chunks() && from > 0) {
      throw PageToken.malformed(token);
    }
    return page(group, from, check);
  }

  private StateResponse.Builder page(Group group, int from, int check) {
    int to = from;
    long size = 0;
    while (to < group.chunks() && (to == from || size + group.length(to) <= pageBytes)) {
      size += group.length(to++);
    }
    byte[] data = new byte[Math.toIntExact(size)];
    int at = 0;
    for (int chunk = from; chunk < to; chunk++) {
      group.copy(chunk, data, at);
      at += group.length(chunk);
    }
    StateGetResponse.Builder get =
        StateGetResponse.newBuilder().setData(UnsafeByteOperations.unsafeWrap(data));
    if (to < group.chunks()) {
      get.setContinuationToken(new PageToken(ByteKey.empty(), to).encode(check));
    }
    return StateResponse.newBuilder().setGet(get);
  }
}
