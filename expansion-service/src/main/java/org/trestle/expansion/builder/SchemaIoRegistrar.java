package org.trestle.expansion.builder;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.ServiceLoader;
import org.apache.beam.model.pipeline.v1.SchemaApi;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.schemas.io.SchemaIO;
import org.apache.beam.sdk.schemas.io.SchemaIOProvider;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.POutput;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.InvalidProtocolBufferException;
import org.jspecify.annotations.Nullable;

/** Registers a reader and a writer for each {@link SchemaIOProvider} of the class path. */
public final class SchemaIoRegistrar implements ExternalTransformRegistrar {
  private static final String PREFIX = "beam:transform:org.apache.beam:schemaio_";

  @Override
  public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
    Map<String, ExternalTransformBuilder<?, ?, ?>> builders = new LinkedHashMap<>();
    for (SchemaIOProvider provider : ServiceLoader.load(SchemaIOProvider.class)) {
      builders.put(PREFIX + provider.identifier() + "_read:v1", new ReadBuilder(provider));
      builders.put(PREFIX + provider.identifier() + "_write:v1", new WriteBuilder(provider));
    }
    return Map.copyOf(builders);
  }

  /** Where the data is; Beam calls the setters by the names of the fields. */
  public static final class Configuration {
    private String location = "";
    private byte @Nullable [] config;
    private byte @Nullable [] dataSchema;

    public void setLocation(String location) {
      this.location = location;
    }

    /**
     * Takes the provider's own configuration.
     *
     * @param config a row in its encoded form
     */
    public void setConfig(byte[] config) {
      this.config = config.clone();
    }

    /**
     * Takes the schema of the data, where the client knows better than the provider.
     *
     * @param dataSchema the proto in its encoded form
     */
    public void setDataSchema(byte @Nullable [] dataSchema) {
      this.dataSchema = dataSchema == null ? null : dataSchema.clone();
    }

    SchemaIO schemaIo(SchemaIOProvider provider) {
      byte[] row = config;
      if (row == null) {
        throw new IllegalArgumentException("field 'config' is missing");
      }
      Schema schema = schemaOfData();
      if (schema == null && provider.requiresDataSchema()) {
        throw new IllegalArgumentException(
            "field 'dataSchema' is missing: "
                + provider.identifier()
                + " does not know the schema");
      }
      return provider.from(location, SchemaIoConfig.decode(provider, row), schema);
    }

    private @Nullable Schema schemaOfData() {
      if (dataSchema == null) {
        return null;
      }
      try {
        return SchemaTranslation.schemaFromProto(SchemaApi.Schema.parseFrom(dataSchema));
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalArgumentException("field 'dataSchema' is no encoded schema", e);
      }
    }
  }

  /** Builds the reader of a provider. */
  public static final class ReadBuilder
      implements ExternalTransformBuilder<Configuration, PBegin, PCollection<Row>> {
    private final SchemaIOProvider provider;

    ReadBuilder(SchemaIOProvider provider) {
      this.provider = provider;
    }

    @Override
    public PTransform<PBegin, PCollection<Row>> buildExternal(Configuration configuration) {
      return configuration.schemaIo(provider).buildReader();
    }
  }

  /** Builds the writer of a provider. */
  public static final class WriteBuilder
      implements ExternalTransformBuilder<Configuration, PCollection<Row>, POutput> {
    private final SchemaIOProvider provider;

    WriteBuilder(SchemaIOProvider provider) {
      this.provider = provider;
    }

    @SuppressWarnings("unchecked") // only the kind of output is left open, which is always given
    @Override
    public PTransform<PCollection<Row>, POutput> buildExternal(Configuration configuration) {
      return (PTransform<PCollection<Row>, POutput>) configuration.schemaIo(provider).buildWriter();
    }
  }
}
