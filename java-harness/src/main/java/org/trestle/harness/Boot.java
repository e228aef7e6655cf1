package org.trestle.harness;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.beam.fn.harness.FnHarness;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoRequest;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.ProvisionInfo;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.fn.channel.AddHarnessIdInterceptor;
import org.apache.beam.sdk.fn.channel.ManagedChannelFactory;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.TextFormat;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.util.JsonFormat;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Channel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;

/**
 * The program: {@code --id}, {@code --provision_endpoint} and the other flags of Beam's container
 * contract, each as {@code --name=value}.
 */
public final class Boot {
  private static final long PROVISION_SECONDS = 30;

  private Boot() {}

  /** Boots the harness and runs it until the runner ends its control stream. */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> flags = flags(arguments);
    Map<String, String> variables;
    try {
      variables = prepare(flags);
    } catch (IOException | IllegalArgumentException e) {
      System.err.println("the Java harness cannot start: " + e.getMessage());
      System.exit(1);
      return;
    }
    FnHarness.main(variables::get);
  }

  static Map<String, String> flags(String[] arguments) {
    Map<String, String> flags = new LinkedHashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (argument.startsWith("--") && equals > 2) {
        flags.put(argument.substring(2, equals), argument.substring(equals + 1));
      }
    }
    return flags;
  }

  private static Map<String, String> prepare(Map<String, String> flags) throws IOException {
    String id = required(flags, "id");
    ApiServiceDescriptor provision = endpoint(required(flags, "provision_endpoint"));
    ManagedChannelFactory channels =
        ManagedChannelFactory.createDefault()
            .withInterceptors(List.of(AddHarnessIdInterceptor.create(id)));
    ManagedChannel channel = channels.forDescriptor(provision);
    ProvisionInfo info;
    try {
      info = provisionInfo(channel);
    } finally {
      channel.shutdownNow();
    }
    addJars(info, flags, channels);
    return variables(id, info, flags);
  }

  private static ProvisionInfo provisionInfo(Channel channel) throws IOException {
    try {
      return ProvisionServiceGrpc.newBlockingStub(channel)
          .withWaitForReady()
          .withDeadlineAfter(PROVISION_SECONDS, TimeUnit.SECONDS)
          .getProvisionInfo(GetProvisionInfoRequest.getDefaultInstance())
          .getInfo();
    } catch (RuntimeException e) {
      throw new IOException("the runner does not say what to do: " + e.getMessage(), e);
    }
  }

  private static void addJars(
      ProvisionInfo info, Map<String, String> flags, ManagedChannelFactory channels)
      throws IOException {
    if (info.getDependenciesCount() == 0) {
      return;
    }
    ApiServiceDescriptor artifacts =
        info.hasArtifactEndpoint()
            ? info.getArtifactEndpoint()
            : endpoint(required(flags, "artifact_endpoint"));
    ManagedChannel channel = channels.forDescriptor(artifacts);
    try {
      Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
      for (Path jar : new StagedArtifacts(channel, temporary).fetch(info.getDependenciesList())) {
        ClassPath.add(jar);
      }
    } finally {
      channel.shutdownNow();
    }
  }

  /** What the harness reads from its environment in a container. */
  private static Map<String, String> variables(
      String id, ProvisionInfo info, Map<String, String> flags) throws IOException {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("HARNESS_ID", id);
    variables.put("PIPELINE_OPTIONS", JsonFormat.printer().print(info.getPipelineOptions()));
    variables.put("RUNNER_CAPABILITIES", String.join(" ", info.getRunnerCapabilitiesList()));
    ApiServiceDescriptor control =
        info.hasControlEndpoint()
            ? info.getControlEndpoint()
            : endpoint(required(flags, "control_endpoint"));
    variables.put("CONTROL_API_SERVICE_DESCRIPTOR", text(control));
    ApiServiceDescriptor logging =
        info.hasLoggingEndpoint()
            ? info.getLoggingEndpoint()
            : endpoint(required(flags, "logging_endpoint"));
    variables.put("LOGGING_API_SERVICE_DESCRIPTOR", text(logging));
    if (info.hasStatusEndpoint()) {
      variables.put("STATUS_API_SERVICE_DESCRIPTOR", text(info.getStatusEndpoint()));
    }
    return variables;
  }

  private static String text(ApiServiceDescriptor endpoint) {
    return TextFormat.printer().printToString(endpoint);
  }

  private static ApiServiceDescriptor endpoint(String url) {
    return ApiServiceDescriptor.newBuilder().setUrl(url).build();
  }

  private static String required(Map<String, String> flags, String name) {
    String value = flags.getOrDefault(name, "");
    if (value.isEmpty()) {
      throw new IllegalArgumentException("--" + name + "=... is missing");
    }
    return value;
  }
}
