package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.util.Collections;
import java.util.NavigableSet;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * {@code beam:metrics:set_string:v1}: the union of sets of strings, of bounded size like in the
 * SDKs.
 *
 * <p>Past {@value #MAX_CHARS} characters in all, the strings that sort last are left out: the first
 * one left out becomes the limit that no string reaches any more, so that the result does not
 * depend on the order of reports.
 */
final class StringSets implements Aggregation<StringSets.State> {
  static final int MAX_CHARS = 1_000_000;

  /**
   * Some strings.
   *
   * @param limit the least string that was left out, or null
   */
  record State(NavigableSet<String> strings, @Nullable String limit) {}

  @Override
  public State decode(ByteString payload) throws MalformedPayloadException {
    return PayloadReader.parse(
        payload, in -> bounded(new TreeSet<>(in.iterable(in::string)), null));
  }

  @Override
  public State combine(State earlier, State later) {
    if (later.limit == null && earlier.strings.containsAll(later.strings)) {
      return earlier;
    }
    NavigableSet<String> union = new TreeSet<>(earlier.strings);
    union.addAll(later.strings);
    return bounded(union, lesser(earlier.limit, later.limit));
  }

  private static @Nullable String lesser(@Nullable String a, @Nullable String b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    return a.compareTo(b) <= 0 ? a : b;
  }

  private static State bounded(NavigableSet<String> strings, @Nullable String limit) {
    SortedSet<String> allowed = limit == null ? strings : strings.headSet(limit);
    long chars = 0;
    for (String string : allowed) {
      chars += string.length();
      if (chars > MAX_CHARS) {
        return new State(
            Collections.unmodifiableNavigableSet(new TreeSet<>(allowed.headSet(string))), string);
      }
    }
    return new State(Collections.unmodifiableNavigableSet(new TreeSet<>(allowed)), limit);
  }

  @Override
  public ByteString encode(State state) {
    PayloadWriter out = new PayloadWriter();
    return out.iterable(state.strings, out::string).payload();
  }
}
