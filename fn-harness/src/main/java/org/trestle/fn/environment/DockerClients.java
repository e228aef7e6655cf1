package org.trestle.fn.environment;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.PullResponseItem;
import com.github.dockerjava.api.model.ResponseItem.ErrorDetail;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.core.NameParser;
import com.github.dockerjava.core.NameParser.ReposTag;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to a Docker engine: one for calls, which have a deadline, and one for streams,
 * which may be silent for long. Safe for use by several threads.
 */
final class DockerClients implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DockerClients.class);

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final int MAX_CONNECTIONS = 1000;

  private final String address;
  private final DockerClient calls;
  private final DockerClient streams;

  /**
   * Prepares for an engine; connects with the first call.
   *
   * @param url where it is; empty for the one that the process's environment names
   */
  DockerClients(String url, Duration callTimeout) {
    DefaultDockerClientConfig.Builder builder =
        DefaultDockerClientConfig.createDefaultConfigBuilder();
    DockerClientConfig config = (url.isEmpty() ? builder : builder.withDockerHost(url)).build();
    address = config.getDockerHost().toString();
    calls =
        DockerClientImpl.getInstance(
            config, transport(config).responseTimeout(callTimeout).build());
    streams = DockerClientImpl.getInstance(config, transport(config).build());
  }

  private static ZerodepDockerHttpClient.Builder transport(DockerClientConfig config) {
    return new ZerodepDockerHttpClient.Builder()
        .dockerHost(config.getDockerHost())
        .sslConfig(config.getSSLConfig())
        .maxConnections(MAX_CONNECTIONS)
        .connectionTimeout(CONNECT_TIMEOUT);
  }

  /** Where the engine is. */
  String address() {
    return address;
  }

  DockerClient calls() {
    return calls;
  }

  DockerClient streams() {
    return streams;
  }

  /** Pulls an image; a name without a tag means its latest. */
  CompletableFuture<Void> pull(String image, Duration timeout) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    ReposTag name = NameParser.parseRepositoryTag(image);
    ResultCallback.Adapter<PullResponseItem> callback =
        new ResultCallback.Adapter<>() {
          @Override
          public void onNext(PullResponseItem item) {
            ErrorDetail error = item.getErrorDetail();
            if (error != null) {
              done.completeExceptionally(new DockerException(String.valueOf(error.getMessage())));
            }
          }

          @Override
          public void onError(Throwable failure) {
            done.completeExceptionally(failure);
            super.onError(failure);
          }

          @Override
          public void onComplete() {
            done.complete(null);
            super.onComplete();
          }
        };
    var unused =
        streams
            .pullImageCmd(name.repos)
            .withTag(name.tag.isEmpty() ? "latest" : name.tag)
            .exec(callback);
    return done.orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete((pulled, failure) -> close(callback));
  }

  static void close(ResultCallback<?> callback) {
    try {
      callback.close();
    } catch (IOException e) {
      log.debug("a stream of the Docker engine did not end well", e);
    }
  }

  /** Words the failure of a call, with what to do when no engine answers. */
  DockerException failure(RuntimeException failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException) {
        return new DockerException(
            ("no Docker engine answers at %s (%s): start it, or install one (on Debian or Ubuntu:"
                    + " apt-get install docker.io), or name another with the variable DOCKER_HOST;"
                    + " without one, use environment_type LOOPBACK, EXTERNAL or PROCESS")
                .formatted(address, reason(cause)));
      }
    }
    return new DockerException("Docker engine at " + address + ": " + reason(failure));
  }

  /** What is to be told of a failure. */
  static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null
        && (cause instanceof CompletionException
            || cause instanceof ExecutionException
            || cause.getCause() instanceof IOException)) {
      cause = cause.getCause();
    }
    if (cause instanceof TimeoutException) {
      return "it took too long";
    }
    String message = cause.getMessage();
    return message == null ? cause.toString() : message.strip();
  }

  @Override
  public void close() {
    try (DockerClient first = calls;
        DockerClient second = streams) {
      log.trace("closing {} and {}", first, second);
    } catch (IOException e) {
      log.debug("the connections to the Docker engine did not end well", e);
    }
  }
}
