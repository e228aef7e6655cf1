package org.trestle.expansion;

import java.util.List;
import org.apache.beam.model.expansion.v1.ExpansionApi.DiscoverSchemaTransformRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.DiscoverSchemaTransformResponse;
import org.apache.beam.model.expansion.v1.ExpansionApi.ExpansionRequest;
import org.apache.beam.model.expansion.v1.ExpansionApi.ExpansionResponse;
import org.apache.beam.model.expansion.v1.ExpansionServiceGrpc.ExpansionServiceImplBase;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.apache.beam.sdk.expansion.service.ExpansionService;
import org.apache.beam.sdk.util.construction.BeamUrns;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves Beam's expansion API. Beam's own service expands; what is checked before, and how a
 * failure is told, is decided here. No request can end the service.
 */
final class ExpansionEndpoint extends ExpansionServiceImplBase {
  private static final Logger logger = LoggerFactory.getLogger(ExpansionEndpoint.class);
  private static final String DEFERRED = BeamUrns.getUrn(StandardArtifacts.Types.DEFERRED);

  private final ExpansionService expander;
  private final Offer offer;
  private final StagedJars jars;

  /**
   * @param jars take the place of the class path that the expander would stage
   */
  ExpansionEndpoint(ExpansionService expander, Offer offer, StagedJars jars) {
    this.expander = expander;
    this.offer = offer;
    this.jars = jars;
  }

  @Override
  public void expand(ExpansionRequest request, StreamObserver<ExpansionResponse> response) {
    response.onNext(expansion(request));
    response.onCompleted();
  }

  private ExpansionResponse expansion(ExpansionRequest request) {
    PTransform transform = request.getTransform();
    try {
      offer.check(transform.getSpec());
      Answer<ExpansionResponse> answer = new Answer<>();
      expander.expand(request, answer);
      ExpansionResponse expanded = answer.value();
      return expanded.getError().isEmpty()
          ? withJars(expanded)
          : failure(transform, expanded.getError());
    } catch (RuntimeException | LinkageError | AssertionError e) {
      return failure(transform, FailureText.trace(e));
    }
  }

  private static ExpansionResponse failure(PTransform transform, String trace) {
    String name = transform.getUniqueName();
    logger.warn("transform '{}' was not expanded: {}", name, trace);
    return ExpansionResponse.newBuilder()
        .setError(
            "transform '"
                + name
                + "' ("
                + transform.getSpec().getUrn()
                + ") cannot be expanded: "
                + FailureText.summary(trace))
        .build();
  }

  private ExpansionResponse withJars(ExpansionResponse expanded) {
    ExpansionResponse.Builder builder = expanded.toBuilder();
    expanded
        .getComponents()
        .getEnvironmentsMap()
        .forEach(
            (id, environment) -> {
              if (isDeferred(environment.getDependenciesList())) {
                builder.getComponentsBuilder().putEnvironments(id, withJars(environment));
              }
            });
    return builder.build();
  }

  private Environment withJars(Environment environment) {
    return environment.toBuilder().clearDependencies().addAllDependencies(jars.artifacts()).build();
  }

  /** Whether the expander promised these; other environments came with the request. */
  private static boolean isDeferred(List<ArtifactInformation> dependencies) {
    return dependencies.size() == 1 && dependencies.get(0).getTypeUrn().equals(DEFERRED);
  }

  @Override
  public void discoverSchemaTransform(
      DiscoverSchemaTransformRequest request,
      StreamObserver<DiscoverSchemaTransformResponse> response) {
    DiscoverSchemaTransformResponse discovered;
    try {
      Answer<DiscoverSchemaTransformResponse> answer = new Answer<>();
      expander.discoverSchemaTransform(request, answer);
      discovered = answer.value();
    } catch (RuntimeException | LinkageError | AssertionError e) {
      logger.warn("SchemaTransforms cannot be listed", e);
      discovered =
          DiscoverSchemaTransformResponse.newBuilder()
              .setError(
                  "SchemaTransforms cannot be listed: " + FailureText.summary(FailureText.trace(e)))
              .build();
    }
    response.onNext(discovered);
    response.onCompleted();
  }

  /** Takes the one answer that the expander gives before its method returns. */
  private static final class Answer<T> implements StreamObserver<T> {
    private @Nullable T value;

    @Override
    public void onNext(T next) {
      value = next;
    }

    @Override
    public void onError(Throwable error) {
      throw new IllegalStateException("the expander failed", error);
    }

    @Override
    public void onCompleted() {}

    T value() {
      if (value == null) {
        throw new IllegalStateException("the expander gave no answer");
      }
      return value;
    }
  }
}
