package org.trestle.expansion;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.expansion.v1.ExpansionApi.DiscoverSchemaTransformRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.ExpansionRequest;
import org.apache.beam.model.expansion.v1.ExpansionServiceGrpc;
import org.apache.beam.model.expansion.v1.ExpansionServiceGrpc.ExpansionServiceBlockingStub;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExternalConfigurationPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannelBuilder;

/**
 * Expands once what is expanded most, and ends: the classes loaded meanwhile go into the archive
 * that later starts use. Writes down the digests of the service's own jars for them as well.
 */
public final class WarmUp {
  private static final long CALL_SECONDS = 60;
  private static final Schema QUERY = Schema.builder().addStringField("query").build();

  private WarmUp() {}

  /** Runs the program; its one argument is the file for the digests. */
  public static void main(String[] arguments) throws IOException {
    Path digests = Path.of(arguments[0]);
    List<Path> classPath = StagedJars.ofClassPath(System.getProperty("java.class.path", ""));
    JarDigests.write(digests, classPath);
    var unused = ExpansionCommand.commandLine().parseArgs("--port", "0");
    StagedJars jars = new StagedJars(classPath, JarDigests.read(digests));
    try (ExpansionServer server =
        ExpansionServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            WarmUp.class.getClassLoader(),
            jars,
            null)) {
      ManagedChannel channel =
          ManagedChannelBuilder.forAddress("localhost", server.port()).usePlaintext().build();
      try {
        warmUp(
            ExpansionServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS));
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private static void warmUp(ExpansionServiceBlockingStub service) throws IOException {
    var discovered =
        service.discoverSchemaTransform(DiscoverSchemaTransformRequest.getDefaultInstance());
    Row query = Row.withSchema(QUERY).addValue("SELECT 1 AS x, 'a' AS y").build();
    String error = service.expand(request("beam:external:java:sql:v1", query)).getError();
    for (String problem : List.of(discovered.getError(), error)) {
      if (!problem.isEmpty()) {
        throw new IOException(problem);
      }
    }
  }

  private static ExpansionRequest request(String urn, Row configuration) throws IOException {
    ByteArrayOutputStream encoded = new ByteArrayOutputStream();
    RowCoder.of(configuration.getSchema()).encode(configuration, encoded);
    ExternalConfigurationPayload payload =
        ExternalConfigurationPayload.newBuilder()
            .setSchema(SchemaTranslation.schemaToProto(configuration.getSchema(), true))
            .setPayload(ByteString.copyFrom(encoded.toByteArray()))
            .build();
    return ExpansionRequest.newBuilder()
        .setTransform(
            PTransform.newBuilder()
                .setUniqueName("warm-up")
                .setSpec(FunctionSpec.newBuilder().setUrn(urn).setPayload(payload.toByteString())))
        .setNamespace("warm-up")
        .build();
  }
}
