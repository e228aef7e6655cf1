package org.trestle.fn.environment;

import java.time.Duration;
import java.util.List;

/**
 * How containers of harnesses are run.
 *
 * @param address where the engine is, such as {@code unix:///var/run/docker.sock}; empty for the
 *     one that the variable {@code DOCKER_HOST} names, else the one of this machine
 * @param service names the service in labels of its containers, over restarts; containers of an
 *     earlier run of the same service are removed
 * @param network Docker's network mode: {@code host}, {@code bridge} or the name of a network
 * @param pull whether an image that the engine lacks is pulled
 * @param mounts directories of the engine's machine that containers see, as {@code
 *     HOST:CONTAINER[:ro]}
 * @param callTimeout for the engine to answer a call
 * @param pullTimeout for an image to be pulled
 * @param checkTimeout how long a check of an environment waits for a pull that is under way; past
 *     it the image counts as one that will be there
 */
public record DockerOptions(
    String address,
    String service,
    String network,
    boolean pull,
    List<String> mounts,
    Duration callTimeout,
    Duration pullTimeout,
    Duration checkTimeout) {

  /** The network mode in which containers share the network of their machine. */
  public static final String HOST_NETWORK = "host";

  public DockerOptions {
    mounts = List.copyOf(mounts);
  }

  /** Returns options for containers in the host's network, without mounts. */
  public static DockerOptions of(String service) {
    return new DockerOptions(
        "",
        service,
        HOST_NETWORK,
        true,
        List.of(),
        Duration.ofSeconds(30),
        Duration.ofMinutes(10),
        Duration.ofSeconds(10));
  }

  /** Returns these options with another engine. */
  public DockerOptions withAddress(String url) {
    return new DockerOptions(
        url, service, network, pull, mounts, callTimeout, pullTimeout, checkTimeout);
  }

  /** Returns these options with another network mode. */
  public DockerOptions withNetwork(String mode) {
    return new DockerOptions(
        address, service, mode, pull, mounts, callTimeout, pullTimeout, checkTimeout);
  }

  /** Returns these options with pulling switched on or off. */
  public DockerOptions withPull(boolean pulls) {
    return new DockerOptions(
        address, service, network, pulls, mounts, callTimeout, pullTimeout, checkTimeout);
  }

  /** Returns these options with other mounts. */
  public DockerOptions withMounts(List<String> binds) {
    return new DockerOptions(
        address, service, network, pull, binds, callTimeout, pullTimeout, checkTimeout);
  }

  /** Returns these options with other deadlines. */
  public DockerOptions withTimeouts(Duration call, Duration wholePull, Duration check) {
    return new DockerOptions(address, service, network, pull, mounts, call, wholePull, check);
  }
}
