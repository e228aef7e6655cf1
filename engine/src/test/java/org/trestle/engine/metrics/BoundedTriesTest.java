package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.metrics.Metrics.added;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrie;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrieNode;
import org.junit.jupiter.api.Test;

class BoundedTriesTest {
  private static final String URN = "beam:metrics:bounded_trie:v1";

  private static ByteString path(int bound, String... segments) {
    return BoundedTrie.newBuilder()
        .setBound(bound)
        .addAllSingleton(List.of(segments))
        .build()
        .toByteString();
  }

  /** Paths of a trie, one a line; a truncated one ends in "*". */
  private static Collection<String> paths(ByteString payload) {
    try {
      BoundedTrie trie = BoundedTrie.parseFrom(payload);
      Collection<String> paths = new TreeSet<>();
      collect(trie.getRoot(), "", paths);
      return paths;
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static void collect(BoundedTrieNode node, String prefix, Collection<String> paths) {
    if (node.getChildrenCount() == 0) {
      paths.add(prefix + (node.getTruncated() ? "*" : ""));
    }
    for (Map.Entry<String, BoundedTrieNode> child : node.getChildrenMap().entrySet()) {
      collect(child.getValue(), prefix + "/" + child.getKey(), paths);
    }
  }

  @Test
  void joinsPaths() {
    ByteString sum = added(URN, path(10, "a", "b"), path(10, "a", "c"), path(10, "a", "b"));
    assertThat(paths(sum)).containsExactly("/a/b", "/a/c");
  }

  @Test
  void letsALongerPathStandForItsPrefix() {
    assertThat(paths(added(URN, path(10, "a", "b"), path(10, "a")))).containsExactly("/a/b");
    assertThat(paths(added(URN, path(10, "a"), path(10, "a", "b")))).containsExactly("/a/b");
  }

  @Test
  void truncatesTheGreatestSubtreeWhenPastTheBound() {
    ByteString sum =
        added(
            URN,
            path(3, "a", "x"),
            path(3, "b", "x", "1"),
            path(3, "b", "x", "2"),
            path(3, "b", "y"));
    assertThat(paths(sum)).containsExactly("/a/x", "/b/x*", "/b/y");
  }

  @Test
  void takesTheLesserBound() throws Exception {
    ByteString sum = added(URN, path(9, "a"), path(2, "b"), path(9, "c"));
    assertThat(paths(sum)).containsExactly("*");
    assertThat(BoundedTrie.parseFrom(sum).getBound()).isEqualTo(2);
  }

  @Test
  void coversAllBelowATruncatedNode() {
    BoundedTrie.Builder truncated = BoundedTrie.newBuilder().setBound(10);
    truncated
        .getRootBuilder()
        .putChildren("a", BoundedTrieNode.newBuilder().setTruncated(true).build());
    ByteString sum = added(URN, path(10, "a", "b"), truncated.build().toByteString());
    assertThat(paths(sum)).containsExactly("/a*");
  }

  @Test
  void usesTheDefaultBoundWhereThereIsNone() throws Exception {
    ByteString sum = added(URN, path(0, "a"), path(-1, "b"));
    assertThat(paths(sum)).containsExactly("/a", "/b");
    assertThat(BoundedTrie.parseFrom(sum).getBound()).isEqualTo(BoundedTries.DEFAULT_BOUND);
  }

  @Test
  void staysReadableForVeryLongPaths() throws Exception {
    String[] segments = new String[100_000];
    Arrays.fill(segments, "s");
    ByteString sum = added(URN, path(10, segments), path(10, "other"));
    assertThat(BoundedTrie.parseFrom(sum).getRoot().getChildrenMap()).containsKeys("other", "s");
    assertThat(paths(sum)).hasSize(2).anyMatch(path -> path.endsWith("*"));
  }

  @Provide
  Arbitrary<List<List<String>>> pathLists() {
    return Arbitraries.of("a", "b", "c", "d").list().ofMinSize(1).ofMaxSize(4).list().ofMaxSize(25);
  }

  @Property
  void isAUnionWhileWithinTheBound(
      @ForAll("pathLists") List<List<String>> paths, @ForAll Random random) {
    List<List<String>> shuffled = new ArrayList<>(paths);
    Collections.shuffle(shuffled, random);
    Collection<String> expected = new TreeSet<>();
    for (List<String> path : paths) {
      boolean prefix =
          paths.stream()
              .anyMatch(
                  other ->
                      other.size() > path.size() && other.subList(0, path.size()).equals(path));
      if (!prefix) {
        expected.add("/" + String.join("/", path));
      }
    }
    if (!paths.isEmpty()) {
      assertThat(paths(sum(100, shuffled))).isEqualTo(expected);
    }
  }

  @Property
  void coversEachPathAndKeepsToTheBound(@ForAll("pathLists") List<List<String>> paths) {
    if (paths.isEmpty()) {
      return;
    }
    Collection<String> kept = paths(sum(5, paths));
    assertThat(kept).hasSizeLessThanOrEqualTo(5);
    for (List<String> path : paths) {
      String text = "/" + String.join("/", path);
      assertThat(kept).anyMatch(entry -> covers(entry, text));
    }
  }

  private static boolean covers(String entry, String path) {
    boolean truncated = entry.endsWith("*");
    String kept = truncated ? entry.substring(0, entry.length() - 1) : entry;
    return (kept + "/").startsWith(path + "/")
        || (truncated && (path + "/").startsWith(kept + "/"));
  }

  private static ByteString sum(int bound, List<List<String>> paths) {
    return added(
        URN,
        paths.stream()
            .map(path -> path(bound, path.toArray(String[]::new)))
            .toArray(ByteString[]::new));
  }
}
