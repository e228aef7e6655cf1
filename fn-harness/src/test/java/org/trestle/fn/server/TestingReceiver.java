package org.trestle.fn.server;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;

/** Keeps what a bundle sends. */
public class TestingReceiver implements BundleReceiver {
  private final Map<String, List<ByteString>> elements = new LinkedHashMap<>();
  private final Map<TimerEndpoint, List<ByteString>> timers = new LinkedHashMap<>();
  private volatile Function<StateRequest, StateResponse.Builder> state =
      request -> {
        throw new IllegalStateException("no state here");
      };

  /** Sets what answers state requests. */
  public TestingReceiver withState(Function<StateRequest, StateResponse.Builder> state) {
    this.state = state;
    return this;
  }

  @Override
  public synchronized void elements(String transformId, ByteString data) {
    elements.computeIfAbsent(transformId, id -> new ArrayList<>()).add(data);
  }

  @Override
  public synchronized void timers(TimerEndpoint endpoint, ByteString data) {
    timers.computeIfAbsent(endpoint, id -> new ArrayList<>()).add(data);
  }

  @Override
  public boolean answersSoon(StateRequest request) {
    return request.getStateKey().hasBagUserState();
  }

  @Override
  public StateResponse.Builder state(StateRequest request) {
    return state.apply(request);
  }

  /** Returns all the bytes written to a transform. */
  public synchronized String text(String transformId) {
    return ByteString.copyFrom(elements.getOrDefault(transformId, List.of())).toStringUtf8();
  }

  /** Returns all the timers of a family. */
  public synchronized String text(TimerEndpoint endpoint) {
    return ByteString.copyFrom(timers.getOrDefault(endpoint, List.of())).toStringUtf8();
  }

  /** Returns how many bytes all outputs have. */
  public synchronized long bytes() {
    return elements.values().stream().flatMap(List::stream).mapToLong(ByteString::size).sum();
  }
}
