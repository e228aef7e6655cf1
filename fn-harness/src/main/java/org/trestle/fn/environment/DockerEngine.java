package org.trestle.fn.environment;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.CreateContainerResponse;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Info;
import com.github.dockerjava.api.model.LogConfig;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Containers on a Docker engine, which may come and go: each call finds out anew whether it is
 * there.
 *
 * <p>Containers carry labels that name the service and its run. What an earlier run has left behind
 * is removed at the first opportunity.
 *
 * <p>Safe for use by several threads. Calls to the engine run on a few threads, {@code
 * fn-docker-N}, and have a deadline; output and end of each container are followed by threads of
 * the client.
 */
final class DockerEngine implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DockerEngine.class);

  static final String SERVICE_LABEL = "org.trestle.service";
  static final String RUN_LABEL = "org.trestle.run";
  static final String JOB_LABEL = "org.trestle.job";
  static final String ENVIRONMENT_LABEL = "org.trestle.environment";

  private static final Path LOCAL_SOCKET = Path.of("/var/run/docker.sock");
  private static final int THREADS = 4;

  /** Docker keeps what containers print; the runner has it too, so a little is enough. */
  private static final Map<String, String> LOG_LIMITS = Map.of("max-size", "5m", "max-file", "2");

  /**
   * A container to be made.
   *
   * @param image an image the engine has
   * @param command arguments of the image's entry point
   * @param labels further labels
   */
  record Request(
      String image, List<String> command, Map<String, String> labels, ResourceHints limits) {}

  private final DockerOptions options;
  private final String run = UUID.randomUUID().toString();
  private final ThreadPoolExecutor threads;
  private final Map<String, CompletableFuture<Void>> images = new ConcurrentHashMap<>();
  private final AtomicBoolean swept = new AtomicBoolean();

  @GuardedBy("this")
  private @Nullable DockerClients clients;

  DockerEngine(DockerOptions options) {
    this.options = options;
    AtomicInteger number = new AtomicInteger();
    threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "fn-docker-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    threads.allowCoreThreadTimeOut(true);
  }

  /** Removes what an earlier run of the service left, if an engine is in sight; returns at once. */
  void recover() {
    boolean named = !options.address().isEmpty() || System.getenv("DOCKER_HOST") != null;
    if (named || Files.exists(LOCAL_SOCKET)) {
      threads.execute(
          () -> {
            try {
              sweep();
            } catch (RuntimeException e) {
              log.debug("no containers of an earlier run were looked for", e);
            }
          });
    }
  }

  private void sweep() {
    if (swept.get()) {
      return;
    }
    DockerClient client = clients().calls();
    List<Container> containers =
        client
            .listContainersCmd()
            .withShowAll(true)
            .withLabelFilter(Map.of(SERVICE_LABEL, options.service()))
            .exec();
    for (Container container : containers) {
      if (!run.equals(container.getLabels().get(RUN_LABEL))) {
        log.info(
            "removing a container that an earlier run left, container={}, job={}",
            container.getId(),
            container.getLabels().get(JOB_LABEL));
        removeNow(container.getId());
      }
    }
    swept.set(true);
  }

  /**
   * Checks that an image is there or can be pulled; waits a little.
   *
   * @throws DockerException if it is not, or the engine does not answer
   */
  void check(String image) {
    try {
      image(image).get(options.checkTimeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      // It is being pulled.
    } catch (ExecutionException e) {
      throw new DockerException(DockerClients.reason(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DockerException("the check of image '" + image + "' was interrupted");
    }
  }

  /**
   * Makes sure that the engine has an image.
   *
   * @return exceptionally with {@link DockerException} if it has not and cannot pull it, or does
   *     not answer
   */
  CompletableFuture<Void> image(String image) {
    CompletableFuture<Void> known =
        images.computeIfAbsent(
            image,
            name ->
                CompletableFuture.supplyAsync(() -> present(name), threads)
                    .thenCompose(
                        present -> present ? CompletableFuture.completedFuture(null) : pull(name)));
    var forgotten = known.whenComplete((unused, failure) -> images.remove(image, known));
    return forgotten;
  }

  private boolean present(String image) {
    DockerClients to = clients();
    try {
      sweep();
      to.calls().inspectImageCmd(image).exec();
      return true;
    } catch (NotFoundException e) {
      return false;
    } catch (RuntimeException e) {
      throw to.failure(e);
    }
  }

  private CompletableFuture<Void> pull(String image) {
    DockerClients to = clients();
    String missing = "image '" + image + "' is not on the Docker engine at " + to.address();
    if (!options.pull()) {
      return CompletableFuture.failedFuture(
          new DockerException(
              missing
                  + ", and this service does not pull images (docker-pull): build it, or get it with"
                  + " 'docker pull "
                  + image
                  + "'"));
    }
    log.info("pulling image {}", image);
    return to.pull(image, options.pullTimeout())
        .exceptionally(
            failure -> {
              throw new DockerException(
                  missing
                      + " and cannot be pulled: "
                      + DockerClients.reason(failure)
                      + "; check the name, or build it there");
            });
  }

  /**
   * Starts a container.
   *
   * @param output takes what it prints
   * @return exceptionally with {@link DockerException}
   */
  CompletableFuture<DockerContainer> start(Request request, HarnessOutput output) {
    return CompletableFuture.supplyAsync(() -> startNow(request, output), threads);
  }

  private DockerContainer startNow(Request request, HarnessOutput output) {
    DockerClients to = clients();
    String id = null;
    try {
      CreateContainerResponse created = create(to.calls(), request);
      id = created.getId();
      if (created.getWarnings() != null) {
        for (String warning : created.getWarnings()) {
          log.warn("container={}, image={}: {}", id, request.image(), warning);
        }
      }
      to.calls().startContainerCmd(id).exec();
      return new DockerContainer(this, to, id, output);
    } catch (RuntimeException e) {
      if (id != null) {
        removeNow(id);
      }
      throw e instanceof DockerException ? e : to.failure(e);
    }
  }

  private CreateContainerResponse create(DockerClient client, Request request) {
    Map<String, String> labels = new HashMap<>(request.labels());
    labels.put(SERVICE_LABEL, options.service());
    labels.put(RUN_LABEL, run);
    HostConfig host =
        HostConfig.newHostConfig()
            .withNetworkMode(options.network())
            .withBinds(options.mounts().stream().map(Bind::parse).toList())
            .withLogConfig(new LogConfig(LogConfig.LoggingType.LOCAL, LOG_LIMITS));
    if (!request.limits().isEmpty()) {
      limit(host, request.limits(), client.infoCmd().exec());
    }
    return client
        .createContainerCmd(request.image())
        .withCmd(request.command())
        .withLabels(labels)
        .withHostConfig(host)
        .exec();
  }

  /** A machine with fewer processors runs slower; one with too little memory cannot run it. */
  private static void limit(HostConfig host, ResourceHints limits, Info machine) {
    Long memory = machine.getMemTotal();
    if (memory != null && limits.memoryBytes() > memory) {
      throw new DockerException(
          "resource hints ask for %d bytes of memory, the Docker engine's machine has %d"
              .formatted(limits.memoryBytes(), memory));
    }
    if (limits.memoryBytes() > 0) {
      host.withMemory(limits.memoryBytes()).withMemorySwap(limits.memoryBytes());
    }
    Integer processors = machine.getNCPU();
    if (limits.cpus() > 0) {
      double cpus = processors == null ? limits.cpus() : Math.min(limits.cpus(), processors);
      host.withNanoCPUs((long) (cpus * 1e9));
    }
  }

  /** Sends a container the signal to end. */
  CompletableFuture<Void> terminate(String id) {
    return CompletableFuture.runAsync(
        () -> clients().calls().killContainerCmd(id).withSignal("TERM").exec(), threads);
  }

  /** Tells in a clause how a container ended. */
  CompletableFuture<String> describeEnd(String id) {
    return CompletableFuture.supplyAsync(
        () -> {
          InspectContainerResponse container = clients().calls().inspectContainerCmd(id).exec();
          ContainerState state = container.getState();
          String how = "it exited with code " + state.getExitCodeLong();
          return Boolean.TRUE.equals(state.getOOMKilled())
              ? how + ": it ran out of its memory of " + memory(container)
              : how;
        },
        threads);
  }

  private static String memory(InspectContainerResponse container) {
    Long limit = container.getHostConfig().getMemory();
    return limit == null || limit == 0 ? "the machine" : limit + " bytes";
  }

  /** Removes a container, by force if it still runs, with its volumes; failures are logged. */
  CompletableFuture<Void> remove(String id) {
    return CompletableFuture.runAsync(() -> removeNow(id), threads);
  }

  private void removeNow(String id) {
    try {
      clients().calls().removeContainerCmd(id).withForce(true).withRemoveVolumes(true).exec();
    } catch (NotFoundException e) {
      // Somebody else did.
    } catch (RuntimeException e) {
      log.warn("a container cannot be removed, container={}: {}", id, DockerClients.reason(e));
    }
  }

  private synchronized DockerClients clients() {
    if (clients == null) {
      clients = new DockerClients(options.address(), options.callTimeout());
    }
    return clients;
  }

  /** Ends calls under way after a moment; containers that still run are left. */
  @Override
  public void close() {
    threads.shutdown();
    try {
      if (!threads.awaitTermination(1, TimeUnit.SECONDS)) {
        threads.shutdownNow();
      }
    } catch (InterruptedException e) {
      threads.shutdownNow();
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      if (clients != null) {
        clients.close();
      }
    }
  }
}
