package org.trestle.job.command;

import picocli.CommandLine.Option;

/** Where the service is that a command asks. */
final class EndpointOption {
  @Option(
      names = "--endpoint",
      paramLabel = "HOST:PORT",
      description =
          "The service to ask. Default: TRESTLE_ENDPOINT of the environment, or localhost:8073.",
      defaultValue = "${env:TRESTLE_ENDPOINT:-localhost:8073}")
  private String endpoint = "localhost:8073";

  ServiceClient connect() {
    return ServiceClient.connect(endpoint);
  }
}
