package org.trestle.fn.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.pipeline.v1.RunnerApi.DockerPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.proto.Urns;

/** Answers like a Docker engine, as far as the runner asks; its containers do what a test says. */
final class TestingDocker implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What a container does once it runs. */
  interface Behaviour {
    void run(TestingContainer container);
  }

  /** A container that was made. */
  static final class TestingContainer {
    final String id;
    final JsonNode config;
    final CompletableFuture<Integer> exit = new CompletableFuture<>();
    final BlockingQueue<String> printed = new LinkedBlockingQueue<>();
    final List<String> signals = new ArrayList<>();
    volatile boolean ranOutOfMemory;
    volatile boolean ignoresSignals;

    private TestingContainer(String id, JsonNode config) {
      this.id = id;
      this.config = config;
    }

    /** Returns an argument of the boot program. */
    String argument(String name) {
      for (JsonNode word : config.get("Cmd")) {
        if (word.asText().startsWith("--" + name + "=")) {
          return word.asText().substring(name.length() + 3);
        }
      }
      throw new AssertionError("no --" + name + " in " + config.get("Cmd"));
    }
  }

  final Map<String, TestingContainer> containers = new ConcurrentHashMap<>();
  final BlockingQueue<TestingContainer> removed = new LinkedBlockingQueue<>();
  final Set<String> images = ConcurrentHashMap.newKeySet();
  final Set<String> pulled = ConcurrentHashMap.newKeySet();

  /** Answers to pulls: empty succeeds; other texts are errors. */
  volatile CompletableFuture<String> pullAnswer = CompletableFuture.completedFuture("");

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final AtomicInteger made = new AtomicInteger();
  private final Behaviour behaviour;

  TestingDocker(Behaviour behaviour) throws IOException {
    this.behaviour = behaviour;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    server.start();
  }

  String address() {
    return "tcp://127.0.0.1:" + server.getAddress().getPort();
  }

  static Environment environment(String image) {
    return Environment.newBuilder()
        .setUrn(Urns.Environments.DOCKER)
        .setPayload(DockerPayload.newBuilder().setContainerImage(image).build().toByteString())
        .build();
  }

  /** Adds a container as if somebody else had made it. */
  void put(String id, Map<String, String> labels) throws IOException {
    JsonNode config = JSON.valueToTree(Map.of("Labels", labels, "Cmd", List.of()));
    containers.put(id, new TestingContainer(id, config));
  }

  private void handle(HttpExchange call) throws IOException {
    try (call) {
      String path = call.getRequestURI().getPath().replaceFirst("^/v[0-9.]+", "");
      String request = call.getRequestMethod() + " " + path;
      if (request.startsWith("GET /images/")) {
        String name = path.substring("/images/".length(), path.length() - "/json".length());
        answer(call, images.contains(name) ? 200 : 404, Map.of("Id", "sha256:1"));
      } else if (request.equals("POST /images/create")) {
        pull(call);
      } else if (request.equals("GET /info")) {
        answer(call, 200, Map.of("NCPU", 2, "MemTotal", 8L << 30));
      } else if (request.equals("GET /containers/json")) {
        list(call);
      } else if (request.equals("POST /containers/create")) {
        String id = "container-" + made.incrementAndGet();
        containers.put(id, new TestingContainer(id, JSON.readTree(call.getRequestBody())));
        answer(call, 201, Map.of("Id", id, "Warnings", List.of()));
      } else {
        String[] words = path.split("/", -1);
        TestingContainer container = containers.get(words[2]);
        if (container == null) {
          answer(call, 404, Map.of("message", "No such container: " + words[2]));
        } else {
          handle(call, container, words.length > 3 ? words[3] : "");
        }
      }
    }
  }

  private void handle(HttpExchange call, TestingContainer container, String verb)
      throws IOException {
    switch (verb) {
      case "start" -> {
        call.sendResponseHeaders(204, -1);
        threads.execute(() -> behaviour.run(container));
      }
      case "logs" -> logs(call, container);
      case "wait" -> {
        call.sendResponseHeaders(200, 0);
        write(call, Map.of("StatusCode", container.exit.join()));
      }
      case "kill" -> {
        container.signals.add(query(call, "signal"));
        if (!container.ignoresSignals) {
          container.exit.complete(143);
        }
        call.sendResponseHeaders(204, -1);
      }
      case "json" ->
          answer(
              call,
              200,
              Map.of(
                  "State",
                  Map.of(
                      "ExitCode", container.exit.getNow(-1), "OOMKilled", container.ranOutOfMemory),
                  "HostConfig",
                  container.config.get("HostConfig")));
      case "" -> {
        container.exit.complete(137);
        containers.remove(container.id);
        call.sendResponseHeaders(204, -1);
        removed.add(container);
      }
      default -> answer(call, 500, Map.of("message", "unexpected: " + call.getRequestURI()));
    }
  }

  private void pull(HttpExchange call) throws IOException {
    String name = query(call, "fromImage") + ":" + query(call, "tag");
    call.sendResponseHeaders(200, 0);
    String error = pullAnswer.join();
    if (error.isEmpty()) {
      images.add(name);
      pulled.add(name);
      write(call, Map.of("status", "Download complete"));
    } else {
      write(call, Map.of("error", error, "errorDetail", Map.of("message", error)));
    }
  }

  private void list(HttpExchange call) throws IOException {
    JsonNode wanted = JSON.readTree(query(call, "filters")).get("label");
    List<Map<String, Object>> found = new ArrayList<>();
    for (TestingContainer container : containers.values()) {
      JsonNode labels = container.config.get("Labels");
      String[] label = wanted.get(0).asText().split("=", 2);
      if (labels.path(label[0]).asText().equals(label[1])) {
        found.add(Map.of("Id", container.id, "Labels", labels));
      }
    }
    answer(call, 200, found);
  }

  private static void logs(HttpExchange call, TestingContainer container) throws IOException {
    call.sendResponseHeaders(200, 0);
    int unused = container.exit.join();
    try (OutputStream out = call.getResponseBody()) {
      for (String text : container.printed) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write(ByteBuffer.allocate(8).put((byte) 1).putInt(4, bytes.length).array());
        out.write(bytes);
      }
    }
  }

  private static String query(HttpExchange call, String key) {
    for (String pair : call.getRequestURI().getRawQuery().split("&", -1)) {
      if (pair.startsWith(key + "=")) {
        return URLDecoder.decode(pair.substring(key.length() + 1), StandardCharsets.UTF_8);
      }
    }
    return "";
  }

  private static void answer(HttpExchange call, int status, Object body) throws IOException {
    call.getResponseHeaders().set("Content-Type", "application/json");
    call.sendResponseHeaders(status, 0);
    write(call, body);
  }

  private static void write(HttpExchange call, Object body) throws IOException {
    call.getResponseBody().write(JSON.writeValueAsBytes(body));
    call.getResponseBody().close();
  }

  @Override
  public void close() {
    containers.values().forEach(container -> container.exit.complete(0));
    pullAnswer.complete("closed");
    server.stop(0);
    threads.shutdownNow();
  }
}
