package org.trestle.expansion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.expansion.v1.ExpansionApi.DiscoverSchemaTransformRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.ExpansionRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.ExpansionResponse;
import org.apache.beam.model.expansion.v1.ExpansionServiceGrpc;
import org.apache.beam.model.expansion.v1.ExpansionServiceGrpc.ExpansionServiceBlockingStub;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceBlockingStub;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExternalConfigurationPayload;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.JavaClassLookupPayload;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.SchemaTransformPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.DockerPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannelBuilder;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.StatusRuntimeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExpansionServerTest {
  private static final String SQL = "beam:external:java:sql:v1";
  private static final String SCHEMA_TRANSFORM = "beam:expansion:payload:schematransform:v1";
  private static final String CLASS_LOOKUP = "beam:expansion:payload:java_class_lookup:v1";
  private static final String SEQUENCE_CLASS = "org.apache.beam.sdk.io.GenerateSequence";
  private static final Row QUERY =
      row(Schema.builder().addStringField("query").build(), "SELECT 1");

  @TempDir Path directory;
  private Path jar;
  private ExpansionServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws IOException {
    jar = Files.writeString(directory.resolve("transforms.jar"), "a jar");
    Path allowed =
        Files.writeString(
            directory.resolve("allowed.yaml"),
            "version: v1\nallowedClasses:\n- className: "
                + SEQUENCE_CLASS
                + "\n"
                + "  allowedConstructorMethods: [from]\n- className: com.example.Gone\n");
    server =
        ExpansionServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            ExpansionServerTest.class.getClassLoader(),
            new StagedJars(List.of(jar), JarDigests.none()),
            allowed.toString());
    channel = ManagedChannelBuilder.forAddress("localhost", server.port()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.close();
  }

  @Test
  void expandsAQueryIntoAnEnvironmentWithItsJars() throws Exception {
    ExpansionResponse expanded = expand(SQL, configuration(QUERY));
    assertThat(expanded.getError()).isEmpty();
    assertThat(expanded.getTransform().getOutputsMap()).containsOnlyKeys("output");
    Environment environment =
        expanded.getComponents().getEnvironmentsMap().values().iterator().next();
    assertThat(DockerPayload.parseFrom(environment.getPayload()).getContainerImage())
        .matches("apache/beam_java\\d+_sdk:\\d+\\.\\d+\\.\\d+");
    ArtifactInformation artifact = environment.getDependencies(0);
    assertThat(ArtifactFilePayload.parseFrom(artifact.getTypePayload()).getSha256())
        .isEqualTo(digest("a jar"));
    assertThat(content(artifact)).isEqualTo("a jar");
  }

  @Test
  void handsOutNoFileButItsJars() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "secret");
    ArtifactInformation asked =
        ArtifactInformation.newBuilder()
            .setTypePayload(
                ArtifactFilePayload.newBuilder()
                    .setPath(secret.toString())
                    .setSha256(digest("secret"))
                    .build()
                    .toByteString())
            .build();
    assertThatThrownBy(() -> content(asked))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("NOT_FOUND")
        .hasMessageContaining("no jar of this service");
    assertThat(expand(SQL, configuration(QUERY)).getError()).isEmpty();
  }

  @Test
  void listsWhatIsKnownForAnUnknownUrn() throws Exception {
    ExpansionResponse refused = expand("beam:no:such:v1", ByteString.EMPTY);
    assertThat(refused.getError())
        .contains("transform 'step' (beam:no:such:v1)")
        .contains(SQL)
        .contains("schemaio_jdbc_read")
        .contains("kafka_read_without_metadata")
        .contains("--jar");
    assertThat(expand(SQL, configuration(QUERY)).getError()).isEmpty();
  }

  @Test
  void namesTheFieldsOfAConfigurationThatDoNotFit() throws Exception {
    Schema given = Schema.builder().addInt32Field("jdbc_url").addInt32Field("bogus").build();
    ByteString payload =
        SchemaTransformPayload.newBuilder()
            .setIdentifier("beam:schematransform:org.apache.beam:jdbc_read:v1")
            .setConfigurationSchema(SchemaTranslation.schemaToProto(given, true))
            .setConfigurationRow(encoded(row(given, 7, 1)))
            .build()
            .toByteString();
    assertThat(expand(SCHEMA_TRANSFORM, payload).getError())
        .contains("there is no field 'bogus'")
        .contains("field 'jdbc_url' is INT32, wanted is STRING")
        .contains("read_query STRING (optional)");
  }

  @Test
  void namesAnUnknownSchemaTransform() throws Exception {
    ByteString payload =
        SchemaTransformPayload.newBuilder().setIdentifier("beam:none:v1").build().toByteString();
    assertThat(expand(SCHEMA_TRANSFORM, payload).getError())
        .contains("SchemaTransform 'beam:none:v1' is unknown")
        .contains("jdbc_write");
  }

  @Test
  void namesAFieldThatABuilderDoesNotTake() throws Exception {
    Row wrong =
        row(Schema.builder().addStringField("query").addStringField("colour").build(), "S", "red");
    assertThat(expand(SQL, configuration(wrong)).getError()).contains("colour");
    assertThat(expand(SQL, configuration(row(Schema.of()))).getError()).contains("field 'query'");
  }

  @Test
  void tellsThatARowIsDamaged() throws Exception {
    ByteString payload =
        ExternalConfigurationPayload.newBuilder()
            .setSchema(SchemaTranslation.schemaToProto(QUERY.getSchema(), true))
            .setPayload(ByteString.copyFromUtf8("\1"))
            .build()
            .toByteString();
    assertThat(expand(SQL, payload).getError()).contains("Error decoding payload");
  }

  @Test
  void tellsWhatIsWrongWithAQuery() throws Exception {
    Row query = row(QUERY.getSchema(), "SELECT x FROM nowhere");
    assertThat(expand(SQL, configuration(query)).getError()).contains("nowhere");
  }

  @Test
  void looksUpOnlyClassesThatAreAllowedAndThere() throws Exception {
    assertThat(expand(CLASS_LOOKUP, lookup("java.lang.Runtime")).getError())
        .contains("does not enable")
        .contains("java.lang.Runtime");
    assertThat(expand(CLASS_LOOKUP, lookup("com.example.Gone")).getError())
        .contains("Could not find class com.example.Gone");
    Row from = row(Schema.builder().addInt64Field("from").build(), 5L);
    ByteString sequence =
        JavaClassLookupPayload.newBuilder()
            .setClassName(SEQUENCE_CLASS)
            .setConstructorMethod("from")
            .setConstructorSchema(SchemaTranslation.schemaToProto(from.getSchema(), true))
            .setConstructorPayload(encoded(from))
            .build()
            .toByteString();
    assertThat(expand(CLASS_LOOKUP, sequence).getError()).isEmpty();
  }

  @Test
  void listsSchemaTransforms() {
    assertThat(
            stub()
                .discoverSchemaTransform(DiscoverSchemaTransformRequest.getDefaultInstance())
                .getSchemaTransformConfigsMap())
        .containsKeys(
            "beam:schematransform:org.apache.beam:jdbc_read:v1",
            "beam:schematransform:org.apache.beam:kafka_read:v1",
            "beam:schematransform:org.apache.beam:kafka_write:v1",
            "beam:schematransform:org.trestle:file_read:v1",
            "beam:schematransform:org.trestle:file_write:v1",
            "beam:transform:managed:v1");
  }

  private ExpansionResponse expand(String urn, ByteString payload) {
    return stub()
        .expand(
            ExpansionRequest.newBuilder()
                .setNamespace("test")
                .setTransform(
                    PTransform.newBuilder()
                        .setUniqueName("step")
                        .setSpec(FunctionSpec.newBuilder().setUrn(urn).setPayload(payload)))
                .build());
  }

  private ExpansionServiceBlockingStub stub() {
    return ExpansionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private String content(ArtifactInformation artifact) {
    ArtifactRetrievalServiceBlockingStub artifacts =
        ArtifactRetrievalServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(20, TimeUnit.SECONDS);
    ByteString.Output content = ByteString.newOutput();
    artifacts
        .getArtifact(GetArtifactRequest.newBuilder().setArtifact(artifact).build())
        .forEachRemaining(
            chunk -> {
              try {
                chunk.getData().writeTo(content);
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
    return content.toByteString().toStringUtf8();
  }

  private static ByteString lookup(String className) {
    return JavaClassLookupPayload.newBuilder().setClassName(className).build().toByteString();
  }

  private static ByteString configuration(Row row) throws IOException {
    return ExternalConfigurationPayload.newBuilder()
        .setSchema(SchemaTranslation.schemaToProto(row.getSchema(), true))
        .setPayload(encoded(row))
        .build()
        .toByteString();
  }

  private static Row row(Schema schema, Object... values) {
    return Row.withSchema(schema).addValues(values).build();
  }

  private static ByteString encoded(Row row) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RowCoder.of(row.getSchema()).encode(row, out);
    return ByteString.copyFrom(out.toByteArray());
  }

  private static String digest(String text) throws Exception {
    return HexFormat.of()
        .formatHex(
            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
  }
}
