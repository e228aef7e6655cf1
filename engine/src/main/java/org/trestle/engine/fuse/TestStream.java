package org.trestle.engine.fuse;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * A TestStream of a pipeline: its events, and the edges it writes. Elements of the edges are length
 * prefixes over the elements as the payload has them.
 *
 * @param prefixed whether the elements of the payload have their lengths before them already
 * @param outputs edges by output tag
 */
public record TestStream(
    TransformId transform,
    String name,
    TestStreamPayload payload,
    boolean prefixed,
    Map<String, PCollectionId> outputs) {

  public TestStream {
    outputs = Collections.unmodifiableMap(new LinkedHashMap<>(outputs));
  }

  /** The edge of an output tag; the empty tag names the only or main output. */
  public PCollectionId output(String tag) {
    PCollectionId output = outputs.get(tag);
    if (output == null && tag.isEmpty()) {
      output = outputs.values().iterator().next();
    }
    if (output == null) {
      throw new IllegalArgumentException(
          "TestStream \"%s\" has events of tag \"%s\", but its outputs are %s"
              .formatted(name, tag, outputs.keySet()));
    }
    return output;
  }
}
