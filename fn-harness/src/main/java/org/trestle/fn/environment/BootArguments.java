package org.trestle.fn.environment;

import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;

/** The command line of an SDK's boot program, by Beam's container contract. */
final class BootArguments {
  private BootArguments() {}

  /**
   * @param runner where the harness finds all services of the runner
   */
  static List<String> of(String workerId, ApiServiceDescriptor runner) {
    String url = runner.getUrl();
    return List.of(
        "--id=" + workerId,
        "--provision_endpoint=" + url,
        "--logging_endpoint=" + url,
        "--artifact_endpoint=" + url,
        "--control_endpoint=" + url);
  }
}
