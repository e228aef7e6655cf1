package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrie;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrieNode;
import org.jspecify.annotations.Nullable;

/**
 * {@code beam:metrics:bounded_trie:v1}: a set of paths; past a bound, the paths below a node are
 * replaced by that node, marked as truncated.
 *
 * <p>The union is the same in any order while it stays within the bound. Past it, which node is
 * truncated depends on what came first; but each path ever reported stays covered by itself, a
 * longer path or a truncated prefix, and of nodes equally good to truncate the first in order is
 * taken.
 */
final class BoundedTries implements Aggregation<BoundedTries.State> {
  /** The SDKs' bound, used when a payload gives none. */
  static final int DEFAULT_BOUND = 100;

  /**
   * Deepest level of a node. Each level is two levels of protos, of which readers take no more than
   * 100; a deeper node counts as truncated.
   */
  static final int MAX_DEPTH = 45;

  private static final State EMPTY = new State(Integer.MAX_VALUE, null);

  /**
   * A set of paths.
   *
   * @param root null if there is no path; a root without children is the empty path
   */
  record State(int bound, @Nullable Node root) {}

  /**
   * A node of the trie.
   *
   * @param children never changed after construction; empty if {@code truncated}
   * @param size number of paths that go through the node, at least 1
   */
  record Node(boolean truncated, SortedMap<String, Node> children, int size) {
    static final Node LEAF = new Node(false, Collections.emptySortedMap(), 1);
    static final Node TRUNCATED = new Node(true, Collections.emptySortedMap(), 1);

    static Node of(SortedMap<String, Node> children) {
      if (children.isEmpty()) {
        return LEAF;
      }
      int size = 0;
      for (Node child : children.values()) {
        size += child.size;
      }
      return new Node(false, Collections.unmodifiableSortedMap(children), size);
    }
  }

  @Override
  public State decode(ByteString payload) throws MalformedPayloadException {
    BoundedTrie trie;
    try {
      trie = BoundedTrie.parseFrom(payload);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedPayloadException("not a BoundedTrie", e);
    }
    int bound = trie.getBound() > 0 ? trie.getBound() : DEFAULT_BOUND;
    Node root = trie.hasRoot() ? node(trie.getRoot(), 0) : null;
    if (trie.getSingletonCount() > 0) {
      Node single = path(trie.getSingletonList(), 0);
      root = root == null ? single : union(root, single);
    }
    return root == null ? EMPTY : new State(bound, trimmed(root, bound));
  }

  private static Node node(BoundedTrieNode proto, int depth) {
    if (proto.getTruncated() || (depth == MAX_DEPTH && proto.getChildrenCount() > 0)) {
      return Node.TRUNCATED;
    }
    SortedMap<String, Node> children = new TreeMap<>();
    proto.getChildrenMap().forEach((name, child) -> children.put(name, node(child, depth + 1)));
    return Node.of(children);
  }

  private static Node path(List<String> segments, int depth) {
    if (depth == segments.size()) {
      return Node.LEAF;
    }
    if (depth == MAX_DEPTH) {
      return Node.TRUNCATED;
    }
    SortedMap<String, Node> child = new TreeMap<>();
    child.put(segments.get(depth), path(segments, depth + 1));
    return Node.of(child);
  }

  @Override
  public State combine(State earlier, State later) {
    if (earlier.root == null) {
      return later;
    }
    if (later.root == null) {
      return earlier;
    }
    int bound = Math.min(earlier.bound, later.bound);
    return new State(bound, trimmed(union(earlier.root, later.root), bound));
  }

  private static Node union(Node a, Node b) {
    if (a.truncated || b.truncated) {
      return Node.TRUNCATED;
    }
    if (a.children.isEmpty() || b.children.isEmpty()) {
      return a.children.isEmpty() ? b : a;
    }
    SortedMap<String, Node> children = new TreeMap<>(a.children);
    b.children.forEach((name, child) -> children.merge(name, child, BoundedTries::union));
    return Node.of(children);
  }

  private static Node trimmed(Node root, int bound) {
    Node node = root;
    while (node.size > bound) {
      node = trimmedOnce(node);
    }
    return node;
  }

  /** Truncates the deepest fork on the way along the greatest children. */
  private static Node trimmedOnce(Node node) {
    String greatest = "";
    int size = 0;
    for (Map.Entry<String, Node> child : node.children.entrySet()) {
      if (child.getValue().size > size) {
        greatest = child.getKey();
        size = child.getValue().size;
      }
    }
    if (size <= 1) {
      return Node.TRUNCATED;
    }
    SortedMap<String, Node> children = new TreeMap<>(node.children);
    children.computeIfPresent(greatest, (name, child) -> trimmedOnce(child));
    return Node.of(children);
  }

  @Override
  public @Nullable ByteString encode(State state) {
    return state.root == null
        ? null
        : BoundedTrie.newBuilder()
            .setBound(state.bound)
            .setRoot(proto(state.root))
            .build()
            .toByteString();
  }

  private static BoundedTrieNode proto(Node node) {
    BoundedTrieNode.Builder proto = BoundedTrieNode.newBuilder().setTruncated(node.truncated);
    node.children.forEach((name, child) -> proto.putChildren(name, proto(child)));
    return proto.build();
  }
}
