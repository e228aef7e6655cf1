package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMapping;
import org.trestle.fn.wire.WindowCoder;

/**
 * A mapping of windows that is asked of somebody slow: the answer comes later, and is remembered as
 * long as elements of the window may come.
 *
 * <p>Owned by the thread that asks for windows, but for the answers.
 */
final class AskedWindowMapping implements WindowMapping {
  private final WindowCoder mainWindows;
  private final Function<List<ByteKey>, List<ByteKey>> mapper;
  private final Executor threads;
  private final Consumer<@Nullable Throwable> answered;
  private final Map<ByteKey, ByteKey> known = new ConcurrentHashMap<>();
  private final Set<ByteKey> asked = new HashSet<>();

  /**
   * Knows nothing yet.
   *
   * @param mapper answers for several windows at once; may block
   * @param threads where it is asked
   * @param answered told on such a thread of each answer, with the failure if it is one
   */
  AskedWindowMapping(
      WindowCoder mainWindows,
      Function<List<ByteKey>, List<ByteKey>> mapper,
      Executor threads,
      Consumer<@Nullable Throwable> answered) {
    this.mainWindows = mainWindows;
    this.mapper = mapper;
    this.threads = threads;
    this.answered = answered;
  }

  @Override
  public @Nullable ByteKey sideWindow(ByteKey mainWindow) {
    ByteKey mapped = known.get(mainWindow);
    if (mapped == null && asked.add(mainWindow)) {
      List<ByteKey> question = List.of(mainWindow);
      threads.execute(() -> ask(question));
    }
    return mapped;
  }

  private void ask(List<ByteKey> question) {
    try {
      List<ByteKey> answer = mapper.apply(question);
      for (int i = 0; i < question.size(); i++) {
        known.put(question.get(i), answer.get(i));
      }
    } catch (RuntimeException failure) {
      answered.accept(failure);
      return;
    }
    answered.accept(null);
  }

  @Override
  public boolean isAsking() {
    return asked.size() > known.size();
  }

  @Override
  public void passed(long watermark) {
    for (ByteKey window : new ArrayList<>(known.keySet())) {
      if (mainWindows.maxTimestamp(window.bytes(), 0, window.length()) < watermark) {
        known.remove(window);
        asked.remove(window);
      }
    }
  }
}
