package org.trestle.engine.fuse;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * Transforms that run together in the harness of one environment, element by element.
 *
 * @param name for people: what the transforms have in common
 * @param environmentId environment of every transform of the stage
 * @param transforms in topological order
 * @param sourceTransformId data source of the descriptor, the target of input elements
 * @param source the PCollection that the stage reads: an edge, or an alias of the input edges
 * @param sideInputs in order of transform and name
 * @param userStates in order of name
 * @param timerFamilies in order of name
 * @param keyCoderId wire coder of the keys by which the input must be partitioned and leased, or
 *     null if the stage has neither state nor timers
 * @param sinks data sink of the descriptor to the edge it writes
 * @param traits what else the executor must know
 * @param descriptor all that a harness needs to run the stage, with {@link #id} as its id
 * @param drainDescriptor the same with restrictions truncated before they are processed, for a job
 *     that is drained; null if the stage is not splittable
 */
public record SdkStage(
    String id,
    String name,
    String environmentId,
    List<TransformId> transforms,
    List<PCollectionId> inputs,
    String sourceTransformId,
    PCollectionId source,
    List<SideInput> sideInputs,
    List<UserState> userStates,
    List<TimerFamily> timerFamilies,
    @Nullable String keyCoderId,
    Map<String, PCollectionId> sinks,
    Traits traits,
    ProcessBundleDescriptor descriptor,
    @Nullable ProcessBundleDescriptor drainDescriptor)
    implements Stage {

  public SdkStage {
    transforms = List.copyOf(transforms);
    inputs = List.copyOf(inputs);
    sideInputs = List.copyOf(sideInputs);
    userStates = List.copyOf(userStates);
    timerFamilies = List.copyOf(timerFamilies);
    sinks = Collections.unmodifiableMap(new LinkedHashMap<>(sinks));
  }

  /** Whether one bundle at a time may process a key: the stage has state or timers. */
  public boolean keyed() {
    return keyCoderId != null;
  }

  @Override
  public List<PCollectionId> outputs() {
    return List.copyOf(sinks.values());
  }

  /**
   * Properties of a stage that change how its bundles are run.
   *
   * @param splittable the input is sized restrictions, which the SDK can split
   * @param finalization the harness may ask for a callback after the commit
   * @param stableInput a bundle may run only on committed input, the same in each attempt
   * @param timeSortedInput elements of a key must come in order of their timestamps
   */
  public record Traits(
      boolean splittable, boolean finalization, boolean stableInput, boolean timeSortedInput) {}
}
