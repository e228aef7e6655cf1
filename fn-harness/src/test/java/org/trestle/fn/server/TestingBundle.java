package org.trestle.fn.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateClearRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.proto.Urns;

/**
 * One bundle in a {@link TestingHarness}: its inputs, outputs, state and answer. What its inputs
 * and outputs are is read from the descriptor. Used by the script's thread.
 */
public final class TestingBundle {
  private static final String SOURCE = "beam:runner:source:v1";
  private static final String SINK = "beam:runner:sink:v1";

  private final TestingHarness harness;
  private final String instructionId;
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
  private final Set<Object> openInputs = new HashSet<>();
  private final Set<String> outputs = new LinkedHashSet<>();
  private final Set<TimerEndpoint> timers = new LinkedHashSet<>();
  private final Set<Object> endedOutputs = new HashSet<>();
  private ProcessBundleRequest request = ProcessBundleRequest.getDefaultInstance();
  private ProcessBundleDescriptor descriptor = ProcessBundleDescriptor.getDefaultInstance();
  private Elements.@Nullable Builder embedded;
  private boolean responded;
  private boolean leaveOutputsOpen;

  TestingBundle(TestingHarness harness, String instructionId) {
    this.harness = harness;
    this.instructionId = instructionId;
  }

  void begin(ProcessBundleRequest request, ProcessBundleDescriptor descriptor)
      throws InvalidProtocolBufferException {
    this.request = request;
    this.descriptor = descriptor;
    for (Map.Entry<String, PTransform> entry : descriptor.getTransformsMap().entrySet()) {
      String urn = entry.getValue().getSpec().getUrn();
      if (urn.equals(SOURCE)) {
        openInputs.add(entry.getKey());
      } else if (urn.equals(SINK)) {
        outputs.add(entry.getKey());
      } else if (urn.equals(Urns.Transforms.PAR_DO)) {
        ParDoPayload payload = ParDoPayload.parseFrom(entry.getValue().getSpec().getPayload());
        payload
            .getTimerFamilySpecsMap()
            .keySet()
            .forEach(family -> timers.add(new TimerEndpoint(entry.getKey(), family)));
      }
    }
    openInputs.addAll(timers);
    request.getElements().getTimersList().forEach(this::arrived);
    request.getElements().getDataList().forEach(this::arrived);
  }

  void arrived(Object block) {
    arrived.add(block);
  }

  /** Returns the harness, for what a script does beside its bundle. */
  public TestingHarness harness() {
    return harness;
  }

  public String instructionId() {
    return instructionId;
  }

  public ProcessBundleRequest request() {
    return request;
  }

  public ProcessBundleDescriptor descriptor() {
    return descriptor;
  }

  /** Returns the ids of the data sink transforms. */
  public Set<String> outputs() {
    return outputs;
  }

  /** Waits for the next input block; null when all inputs have ended. */
  public BundleRequest.@Nullable Input next() throws InterruptedException {
    while (!openInputs.isEmpty()) {
      Object block = arrived.poll(TestingHarness.DEADLINE_SECONDS, TimeUnit.SECONDS);
      if (block == null) {
        throw new IllegalStateException("inputs did not end: " + openInputs);
      }
      if (block instanceof Elements.Data data) {
        if (data.getIsLast()) {
          openInputs.remove(data.getTransformId());
        }
        if (!data.getData().isEmpty()) {
          return new BundleRequest.Elements(data.getTransformId(), data.getData());
        }
      } else if (block instanceof Elements.Timers data) {
        var endpoint = new TimerEndpoint(data.getTransformId(), data.getTimerFamilyId());
        if (data.getIsLast()) {
          openInputs.remove(endpoint);
        }
        if (!data.getTimers().isEmpty()) {
          return new BundleRequest.Timers(endpoint, data.getTimers());
        }
      }
    }
    return null;
  }

  /** Writes an input to each output, or timers to their own family. */
  public void echo(BundleRequest.Input input) {
    if (input instanceof BundleRequest.Elements elements) {
      outputs.forEach(output -> output(output, elements.data()));
    } else if (input instanceof BundleRequest.Timers block) {
      timers(block.endpoint(), block.data());
    }
  }

  /** Puts the outputs from here on into the response instead of on the data stream. */
  public void embedOutputs() {
    embedded = Elements.newBuilder();
  }

  /** Writes elements to an output. */
  public void output(String transformId, ByteString data) {
    write(
        Elements.newBuilder()
            .addData(
                Elements.Data.newBuilder()
                    .setInstructionId(instructionId)
                    .setTransformId(transformId)
                    .setData(data))
            .build());
  }

  /** Writes timers. */
  public void timers(TimerEndpoint endpoint, ByteString data) {
    write(
        Elements.newBuilder()
            .addTimers(
                Elements.Timers.newBuilder()
                    .setInstructionId(instructionId)
                    .setTransformId(endpoint.transformId())
                    .setTimerFamilyId(endpoint.timerFamilyId())
                    .setTimers(data))
            .build());
  }

  /** Ends an output. */
  public void end(String transformId) {
    if (endedOutputs.add(transformId)) {
      write(
          Elements.newBuilder()
              .addData(
                  Elements.Data.newBuilder()
                      .setInstructionId(instructionId)
                      .setTransformId(transformId)
                      .setIsLast(true))
              .build());
    }
  }

  private void end(TimerEndpoint endpoint) {
    write(
        Elements.newBuilder()
            .addTimers(
                Elements.Timers.newBuilder()
                    .setInstructionId(instructionId)
                    .setTransformId(endpoint.transformId())
                    .setTimerFamilyId(endpoint.timerFamilyId())
                    .setIsLast(true))
            .build());
  }

  /** The outputs do not end with the response. */
  public void leaveOutputsOpen() {
    leaveOutputsOpen = true;
  }

  private void write(Elements elements) {
    if (embedded != null) {
      embedded.mergeFrom(elements);
    } else {
      harness.send(elements);
    }
  }

  /** Reads all pages of a state. */
  public ByteString get(StateKey key) throws InterruptedException {
    ByteString all = ByteString.EMPTY;
    ByteString token = ByteString.EMPTY;
    do {
      StateResponse page =
          state(
              StateRequest.newBuilder()
                  .setStateKey(key)
                  .setGet(StateGetRequest.newBuilder().setContinuationToken(token)));
      all = all.concat(page.getGet().getData());
      token = page.getGet().getContinuationToken();
    } while (!token.isEmpty());
    return all;
  }

  /** Adds to a state. */
  public void append(StateKey key, ByteString data) throws InterruptedException {
    state(
        StateRequest.newBuilder()
            .setStateKey(key)
            .setAppend(StateAppendRequest.newBuilder().setData(data)));
  }

  /** Clears a state. */
  public void clear(StateKey key) throws InterruptedException {
    state(
        StateRequest.newBuilder()
            .setStateKey(key)
            .setClear(StateClearRequest.getDefaultInstance()));
  }

  /** Sends a state request of this bundle; throws if the answer is an error. */
  public StateResponse state(StateRequest.Builder stateRequest) throws InterruptedException {
    StateResponse response = harness.state(stateRequest.setInstructionId(instructionId));
    if (!response.getError().isEmpty()) {
      throw new IllegalStateException(response.getError());
    }
    return response;
  }

  /** Ends all outputs and answers. */
  public void respond(ProcessBundleResponse response) {
    if (!leaveOutputsOpen) {
      outputs.forEach(this::end);
      timers.forEach(this::end);
    }
    ProcessBundleResponse.Builder answer = response.toBuilder();
    if (embedded != null) {
      answer.setElements(embedded);
    }
    responded = true;
    harness.send(
        InstructionResponse.newBuilder()
            .setInstructionId(instructionId)
            .setProcessBundle(answer)
            .build());
  }

  /** Leaves the bundle without an answer. */
  public void neverRespond() {
    responded = true;
  }

  void finish() {
    if (!responded) {
      respond(ProcessBundleResponse.getDefaultInstance());
    }
  }
}
