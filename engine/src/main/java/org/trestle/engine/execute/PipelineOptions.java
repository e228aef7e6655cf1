package org.trestle.engine.execute;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;

/** Pipeline options as SDKs send them: by names that they have in Python. */
final class PipelineOptions {
  private PipelineOptions() {}

  /** The value of an option; one of no kind if it is not there. */
  static Value value(Struct options, String name) {
    return options.getFieldsOrDefault("beam:option:" + name + ":v1", Value.getDefaultInstance());
  }
}
