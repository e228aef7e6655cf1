package org.trestle.fn.data;

import com.google.protobuf.ByteString;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;

/**
 * The inputs of one bundle on their way out, pulled lazily.
 *
 * <p>The pulling methods are for one thread at a time (the writer's drain, or before the feed is
 * given to a writer). {@link #cut} and {@link #discard} are for any thread.
 */
public final class BundleFeed {

  /** What becomes of the inputs not yet sent. */
  private enum Rest {
    SEND,
    /** Not sent, but the ends are: the harness comes to the end of the bundle. */
    CUT,
    /** Nothing more is sent: the harness has ended the bundle. */
    DISCARD
  }

  private final String instructionId;
  private final Iterator<? extends Input> inputs;
  private final List<String> transforms;
  private final List<TimerEndpoint> timers;
  private final Consumer<Throwable> onInputFailure;
  private volatile Rest rest = Rest.SEND;
  private @Nullable Input peeked;

  /**
   * @param onInputFailure told when an input cannot be read; the harness then sees the ends
   */
  public BundleFeed(
      String instructionId,
      Iterator<? extends Input> inputs,
      List<String> transforms,
      List<TimerEndpoint> timers,
      Consumer<Throwable> onInputFailure) {
    this.instructionId = instructionId;
    this.inputs = inputs;
    this.transforms = transforms;
    this.timers = timers;
    this.onInputFailure = onInputFailure;
  }

  /** Sends no more inputs, only the ends. */
  public void cut() {
    if (rest == Rest.SEND) {
      rest = Rest.CUT;
    }
  }

  /** Sends nothing more. */
  public void discard() {
    rest = Rest.DISCARD;
  }

  /** Whether nothing more is sent, not even the ends. */
  public boolean discarded() {
    return rest == Rest.DISCARD;
  }

  /** Returns the next input without taking it, or null if only the ends are left. */
  @Nullable Input peek() {
    if (rest != Rest.SEND) {
      peeked = null;
      return null;
    }
    try {
      while (peeked == null && inputs.hasNext()) {
        Input next = inputs.next();
        // An empty block without an end mark meant "end" to old harnesses.
        peeked = dataOf(next).isEmpty() ? null : next;
      }
    } catch (Throwable e) {
      cut();
      onInputFailure.accept(e);
    }
    return peeked;
  }

  /** Takes the input that {@link #peek} returned and adds it to a message. */
  void take(Elements.Builder message) {
    Input input = peeked;
    peeked = null;
    if (input instanceof BundleRequest.Elements elements) {
      message
          .addDataBuilder()
          .setInstructionId(instructionId)
          .setTransformId(elements.transformId())
          .setData(elements.data());
    } else if (input instanceof BundleRequest.Timers block) {
      message
          .addTimersBuilder()
          .setInstructionId(instructionId)
          .setTransformId(block.endpoint().transformId())
          .setTimerFamilyId(block.endpoint().timerFamilyId())
          .setTimers(block.data());
    }
  }

  /** Adds the end marks, as entries of their own: some harnesses ignore data beside the mark. */
  void addEnds(Elements.Builder message) {
    for (String transform : transforms) {
      message
          .addDataBuilder()
          .setInstructionId(instructionId)
          .setTransformId(transform)
          .setIsLast(true);
    }
    for (TimerEndpoint timer : timers) {
      message
          .addTimersBuilder()
          .setInstructionId(instructionId)
          .setTransformId(timer.transformId())
          .setTimerFamilyId(timer.timerFamilyId())
          .setIsLast(true);
    }
  }

  static ByteString dataOf(Input input) {
    if (input instanceof BundleRequest.Elements elements) {
      return elements.data();
    }
    return ((BundleRequest.Timers) input).data();
  }

  /**
   * Takes all inputs into one message if they are small.
   *
   * @param limit the most bytes of elements and timers
   * @return the message with all end marks; null if there is more, in which case the feed starts
   *     again with its first input
   */
  public static @Nullable Elements embed(
      Restartable source, String instructionId, BundleRequest request, int limit) {
    Elements.Builder message = Elements.newBuilder();
    BundleFeed feed =
        new BundleFeed(
            instructionId,
            source,
            request.inputTransforms(),
            request.inputTimers(),
            failure -> {
              throw new IllegalStateException(
                  "cannot read the bundle's inputs: " + failure, failure);
            });
    long size = 0;
    for (Input input = feed.peek(); input != null; input = feed.peek()) {
      size += dataOf(input).size();
      if (size > limit) {
        source.restart();
        return null;
      }
      feed.take(message);
    }
    feed.addEnds(message);
    return message.build();
  }
}
