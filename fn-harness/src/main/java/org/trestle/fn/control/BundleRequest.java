package org.trestle.fn.control;

import com.google.protobuf.ByteString;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleRequest.CacheToken;

/**
 * What a worker needs to run one bundle.
 *
 * @param descriptorId id of a process bundle descriptor known to the worker's {@link WorkerSpec}
 * @param inputs encoded elements and timers, pulled lazily as the harness takes them; iterated on
 *     one thread at a time. After the last one, {@code is_last} is sent for each of {@code
 *     inputTransforms} and {@code inputTimers}
 * @param inputTransforms data source transforms of the descriptor
 * @param inputTimers timer families of the descriptor (the harness both receives and sends them)
 * @param outputTransforms data sink transforms of the descriptor; the bundle is complete when its
 *     response has come and each of these, and each of {@code inputTimers}, has said {@code
 *     is_last}
 * @param cacheTokens state cache tokens, may be empty
 * @param embedElements whether small inputs may ride inside the control message (the SDK has the
 *     capability {@code control_request_elements_embedding})
 */
public record BundleRequest(
    String descriptorId,
    Iterator<Input> inputs,
    List<String> inputTransforms,
    List<TimerEndpoint> inputTimers,
    Set<String> outputTransforms,
    List<CacheToken> cacheTokens,
    boolean embedElements) {

  /** Some encoded elements or timers of a bundle's input. */
  public sealed interface Input {}

  /** Encoded windowed values for one data source transform. */
  public record Elements(String transformId, ByteString data) implements Input {}

  /** Encoded timers for one timer family. */
  public record Timers(TimerEndpoint endpoint, ByteString data) implements Input {}

  /** A timer family of a transform. */
  public record TimerEndpoint(String transformId, String timerFamilyId) {}
}
