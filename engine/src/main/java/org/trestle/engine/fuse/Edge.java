package org.trestle.engine.fuse;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PCollectionId;

/**
 * A materialised PCollection: its elements cross stage boundaries as bytes of its wire coder. Coder
 * ids are keys of {@link FusedPipeline#components()}; wire coders have every coder that the runner
 * does not know wrapped in a length prefix.
 *
 * @param wireCoderId coder of the values
 * @param windowedCoderId {@code beam:coder:windowed_value:v1} over value and window coder: the
 *     format on the data channel
 * @param windowCoderId coder of the windows
 * @param keyCoderId coder of the key if the values are key-value pairs, else null
 * @param valueCoderId coder of the pair's value if the values are key-value pairs, else null
 * @param paged whether the readers can page through the values of an iterable that is the value of
 *     a pair
 * @param windowingStrategyId windowing strategy of the PCollection
 * @param impulse whether the edge starts with one empty element in the global window at the minimum
 *     timestamp; an edge with neither that nor a producer is empty
 * @param producers ids of the stages that write the edge
 * @param consumers ids of the stages that read the edge as main input, each once
 * @param sideInputConsumers ids of the stages that read the edge as a side input, each once
 */
public record Edge(
    PCollectionId id,
    String wireCoderId,
    String windowedCoderId,
    String windowCoderId,
    @Nullable String keyCoderId,
    @Nullable String valueCoderId,
    boolean paged,
    String windowingStrategyId,
    boolean impulse,
    List<String> producers,
    List<String> consumers,
    List<String> sideInputConsumers) {

  public Edge {
    producers = List.copyOf(producers);
    consumers = List.copyOf(consumers);
    sideInputConsumers = List.copyOf(sideInputConsumers);
  }
}
