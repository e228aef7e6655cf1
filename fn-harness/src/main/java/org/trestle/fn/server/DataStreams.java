package org.trestle.fn.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.trestle.fn.data.BundleFeed;
import org.trestle.fn.data.ElementsWriter;

/**
 * The data streams that a harness has open, and the inputs that wait for the first.
 *
 * <p>A bundle's inputs all go to one stream: the newest at the time.
 */
final class DataStreams {
  private final Object lock = new Object();

  /** Open streams, newest last. */
  @GuardedBy("lock")
  private final List<ElementsWriter> open = new ArrayList<>();

  /** Bounded by the bundles in flight. */
  @GuardedBy("lock")
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean hadOne;

  @GuardedBy("lock")
  private long closedNanos;

  /** Closed streams whose bundles have not been failed yet; a harness closes few. */
  @GuardedBy("lock")
  private final List<Closed> closed = new ArrayList<>();

  /** A stream that was closed: when, and how in words. */
  record Closed(ElementsWriter stream, String how, long nanos) {}

  private record Waiting(ActiveBundle bundle, BundleFeed feed) {}

  /** Sends a bundle's inputs on the newest stream, or on the next one that opens. */
  void send(ActiveBundle bundle, BundleFeed feed) {
    ElementsWriter stream;
    synchronized (lock) {
      if (open.isEmpty()) {
        waiting.add(new Waiting(bundle, feed));
        return;
      }
      stream = open.get(open.size() - 1);
      bundle.inputStream(stream);
    }
    stream.add(feed);
  }

  void opened(ElementsWriter stream) {
    List<Waiting> ready;
    synchronized (lock) {
      open.add(stream);
      hadOne = true;
      ready = new ArrayList<>(waiting);
      waiting.clear();
      ready.forEach(entry -> entry.bundle().inputStream(stream));
    }
    ready.forEach(entry -> stream.add(entry.feed()));
  }

  void closed(ElementsWriter stream, String how, long nowNanos) {
    synchronized (lock) {
      open.remove(stream);
      closed.add(new Closed(stream, how, nowNanos));
      closedNanos = nowNanos;
    }
  }

  /** Takes out the streams that were closed longer ago than the grace. */
  List<Closed> closedBefore(long nowNanos, long graceNanos) {
    synchronized (lock) {
      if (closed.isEmpty()) {
        return List.of();
      }
      List<Closed> due =
          closed.stream().filter(entry -> nowNanos - entry.nanos() > graceNanos).toList();
      closed.removeAll(due);
      return due;
    }
  }

  /** Ends all streams. */
  void close() {
    all().forEach(ElementsWriter::close);
  }

  /** Takes out the bundles that wait in vain for a stream in place of one that was closed. */
  List<ActiveBundle> overdue(long nowNanos, long timeoutNanos) {
    synchronized (lock) {
      boolean late = hadOne && open.isEmpty() && nowNanos - closedNanos > timeoutNanos;
      if (!late || waiting.isEmpty()) {
        return List.of();
      }
      List<ActiveBundle> bundles = new ArrayList<>();
      waiting.forEach(entry -> bundles.add(entry.bundle()));
      waiting.clear();
      return bundles;
    }
  }

  /** Forgets a bundle whose harness needs no more inputs. */
  void forget(ActiveBundle bundle) {
    synchronized (lock) {
      if (!waiting.isEmpty()) {
        waiting.removeIf(entry -> entry.bundle().equals(bundle));
      }
    }
  }

  private List<ElementsWriter> all() {
    synchronized (lock) {
      return List.copyOf(open);
    }
  }
}
