package org.trestle.fn.server;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * How a server runs.
 *
 * @param bindHost address to listen on
 * @param port port to listen on; 0 for any free one
 * @param advertisedHost name under which harnesses reach the server
 * @param outputTimeout how long a harness may be silent between its response and the ends of its
 *     outputs
 * @param instructionTimeout how long the answer to an instruction other than a bundle may take
 * @param dataStreamTimeout how long a bundle waits for a new data stream after the harness has
 *     closed the one it had. (The first stream has no deadline of its own: harnesses open it after
 *     user code's set-up.)
 * @param metadata told to harnesses by the provision service, such as the runner's name
 * @param workerIds makes worker ids
 * @param nanoClock the clock of the time-outs
 */
public record FnServerOptions(
    String bindHost,
    int port,
    String advertisedHost,
    Duration outputTimeout,
    Duration instructionTimeout,
    Duration dataStreamTimeout,
    Map<String, String> metadata,
    Supplier<String> workerIds,
    LongSupplier nanoClock) {

  public FnServerOptions {
    metadata = Map.copyOf(metadata);
  }

  /** Returns options for a server that only this machine reaches, on any free port. */
  public static FnServerOptions defaults() {
    return new FnServerOptions(
        "127.0.0.1",
        0,
        "127.0.0.1",
        Duration.ofMinutes(2),
        Duration.ofMinutes(5),
        Duration.ofMinutes(1),
        Map.of("runner", "trestle"),
        randomIds(new SecureRandom()),
        System::nanoTime);
  }

  /** Returns these options with another address. */
  public FnServerOptions withAddress(String bindHost, int port, String advertisedHost) {
    return new FnServerOptions(
        bindHost,
        port,
        advertisedHost,
        outputTimeout,
        instructionTimeout,
        dataStreamTimeout,
        metadata,
        workerIds,
        nanoClock);
  }

  /** Returns these options with other time-outs. */
  public FnServerOptions withTimeouts(
      Duration outputTimeout, Duration instructionTimeout, Duration dataStreamTimeout) {
    return new FnServerOptions(
        bindHost,
        port,
        advertisedHost,
        outputTimeout,
        instructionTimeout,
        dataStreamTimeout,
        metadata,
        workerIds,
        nanoClock);
  }

  /** Returns these options with another source of worker ids and another clock, for tests. */
  public FnServerOptions withSources(Supplier<String> workerIds, LongSupplier nanoClock) {
    return new FnServerOptions(
        bindHost,
        port,
        advertisedHost,
        outputTimeout,
        instructionTimeout,
        dataStreamTimeout,
        metadata,
        workerIds,
        nanoClock);
  }

  /** Returns these options with other metadata for harnesses. */
  public FnServerOptions withMetadata(Map<String, String> metadata) {
    return new FnServerOptions(
        bindHost,
        port,
        advertisedHost,
        outputTimeout,
        instructionTimeout,
        dataStreamTimeout,
        metadata,
        workerIds,
        nanoClock);
  }

  private static Supplier<String> randomIds(SecureRandom random) {
    return () -> {
      byte[] bytes = new byte[20];
      random.nextBytes(bytes);
      return "w-" + HexFormat.of().formatHex(bytes);
    };
  }
}
