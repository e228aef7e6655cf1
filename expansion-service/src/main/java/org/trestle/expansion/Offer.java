package org.trestle.expansion;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExpansionMethods;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.SchemaTransformPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.sdk.expansion.service.ExpansionService.ExpansionServiceRegistrar;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.Field;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.schemas.transforms.SchemaTransformProvider;
import org.apache.beam.sdk.util.construction.BeamUrns;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.InvalidProtocolBufferException;

/**
 * What the service can expand: transforms by URN, SchemaTransforms by identifier, and Java classes
 * by name. Immutable.
 */
final class Offer {
  private static final String CLASS_LOOKUP =
      BeamUrns.getUrn(ExpansionMethods.Enum.JAVA_CLASS_LOOKUP);
  private static final String SCHEMA_TRANSFORM =
      BeamUrns.getUrn(ExpansionMethods.Enum.SCHEMA_TRANSFORM);

  private final Collection<String> urns;
  private final Map<String, SchemaTransformProvider> schemaTransforms;

  private Offer(Collection<String> urns, Map<String, SchemaTransformProvider> schemaTransforms) {
    this.urns = urns;
    this.schemaTransforms = schemaTransforms;
  }

  /** Finds everything that is registered on the class path of the thread's class loader. */
  static Offer load() {
    Collection<String> urns = new TreeSet<>();
    ServiceLoader.load(ExpansionServiceRegistrar.class)
        .forEach(registrar -> urns.addAll(registrar.knownTransforms().keySet()));
    Map<String, SchemaTransformProvider> schemaTransforms = new TreeMap<>();
    ServiceLoader.load(SchemaTransformProvider.class)
        .forEach(provider -> schemaTransforms.put(provider.identifier(), provider));
    return new Offer(urns, schemaTransforms);
  }

  /** How many transforms there are, of both kinds. */
  int size() {
    return urns.size() + schemaTransforms.size();
  }

  /**
   * Checks that a transform is offered, and that a SchemaTransform gets the fields it asks for.
   *
   * @throws IllegalArgumentException if not; the message says what is expected
   */
  void check(FunctionSpec spec) {
    String urn = spec.getUrn();
    if (urns.contains(urn) || urn.equals(CLASS_LOOKUP)) {
      return;
    }
    if (!urn.equals(SCHEMA_TRANSFORM)) {
      throw new IllegalArgumentException(
          "the URN is unknown here; known are "
              + String.join(", ", urns)
              + ", SchemaTransforms by "
              + SCHEMA_TRANSFORM
              + " and classes by "
              + CLASS_LOOKUP
              + "; transforms of other jars are added with --jar");
    }
    checkSchemaTransform(payload(spec));
  }

  private static SchemaTransformPayload payload(FunctionSpec spec) {
    try {
      return SchemaTransformPayload.parseFrom(spec.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("the payload is no SchemaTransformPayload", e);
    }
  }

  private void checkSchemaTransform(SchemaTransformPayload payload) {
    String identifier = payload.getIdentifier();
    if (urns.contains(identifier)) {
      return;
    }
    SchemaTransformProvider provider = schemaTransforms.get(identifier);
    if (provider == null) {
      throw new IllegalArgumentException(
          "the SchemaTransform '"
              + identifier
              + "' is unknown here; known are "
              + String.join(", ", schemaTransforms.keySet())
              + "; those of other jars are added with --jar");
    }
    Schema wanted = provider.configurationSchema();
    Schema given = SchemaTranslation.schemaFromProto(payload.getConfigurationSchema());
    if (!given.assignableTo(wanted)) {
      throw new IllegalArgumentException(
          "the configuration of '"
              + identifier
              + "' does not fit: "
              + String.join("; ", differences(given, wanted))
              + "; its fields are "
              + describe(wanted));
    }
  }

  private static List<String> differences(Schema given, Schema wanted) {
    List<String> differences = new ArrayList<>();
    for (Field field : given.getFields()) {
      if (!wanted.hasField(field.getName())) {
        differences.add("there is no field '" + field.getName() + "'");
      } else {
        Field expected = wanted.getField(field.getName());
        if (!field
            .getType()
            .withNullable(false)
            .typesEqual(expected.getType().withNullable(false))) {
          differences.add(
              "field '"
                  + field.getName()
                  + "' is "
                  + type(field)
                  + ", wanted is "
                  + type(expected));
        } else if (field.getType().getNullable() && !expected.getType().getNullable()) {
          differences.add("field '" + field.getName() + "' may be null, and must not");
        }
      }
    }
    for (Field field : wanted.getFields()) {
      if (!given.hasField(field.getName()) && !field.getType().getNullable()) {
        differences.add("field '" + field.getName() + "' is missing");
      }
    }
    if (differences.isEmpty()) {
      differences.add("all fields have to be there, the optional ones with null, in one order");
    }
    return differences;
  }

  private static String describe(Schema schema) {
    return schema.getFields().stream()
        .map(
            field ->
                field.getName()
                    + " "
                    + type(field)
                    + (field.getType().getNullable() ? " (optional)" : ""))
        .collect(Collectors.joining(", "));
  }

  private static String type(Field field) {
    return field.getType().getTypeName().toString();
  }
}
