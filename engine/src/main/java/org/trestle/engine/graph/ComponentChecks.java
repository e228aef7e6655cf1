package org.trestle.engine.graph;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.SideInputs;
import org.trestle.proto.Urns.Transforms;

/** Checks single leaf transforms and the components they refer to. */
final class ComponentChecks {
  private static final int MAX_CODER_DEPTH = 100;

  private static final Set<String> SOURCES = Set.of(Transforms.IMPULSE, Transforms.TEST_STREAM);

  private final Components components;
  private final Set<String> problems;
  private final Set<PCollectionId> checkedPCollections = new HashSet<>();
  private final Set<String> checkedCoders = new HashSet<>();
  private final Map<String, Integer> depths = new HashMap<>();

  ComponentChecks(Components components, Set<String> problems) {
    this.components = components;
    this.problems = problems;
  }

  void check(TransformNode node) {
    checkKind(node);
    for (Map<String, PCollectionId> side :
        List.of(node.mainInputs(), node.sideInputs(), node.outputs())) {
      side.forEach((name, id) -> checkPCollection(id, node));
    }
    ParDoPayload parDo = node.parDo();
    if (parDo != null) {
      checkParDo(node, parDo);
    } else if (node.urn().startsWith("beam:transform:combine_")) {
      checkCombine(node);
    }
  }

  private void problem(String sentence) {
    problems.add(sentence);
  }

  private void checkKind(TransformNode node) {
    String urn = node.urn();
    if (urn.equals(Transforms.READ)) {
      problem(
          ("transform \"%s\" is a %s without parts, which no runner can execute for an SDK; build the"
                  + " source as a splittable DoFn")
              .formatted(node.name(), urn));
    } else if (TransformKinds.runnerPrimitive(urn)) {
      checkShape(node);
    } else if (!urn.equals(Transforms.CREATE_VIEW)) {
      checkEnvironment(node);
    }
  }

  private void checkShape(TransformNode node) {
    int inputs = node.mainInputs().size();
    boolean wrongInputs =
        (SOURCES.contains(node.urn()) && inputs != 0)
            || (node.urn().equals(Transforms.GROUP_BY_KEY) && inputs != 1);
    boolean wrongOutputs =
        node.urn().equals(Transforms.TEST_STREAM)
            ? node.outputs().isEmpty()
            : node.outputs().size() != 1;
    if (wrongInputs || wrongOutputs) {
      problem(
          "transform \"%s\" (%s) has %d inputs and %d outputs"
              .formatted(node.name(), node.urn(), inputs, node.outputs().size()));
    }
  }

  private void checkEnvironment(TransformNode node) {
    String urn = node.urn();
    String environmentId = node.environmentId();
    if (environmentId.isEmpty() && !needsEnvironment(urn)) {
      problem(
          "transform \"%s\" has the URN \"%s\", which is not known, and neither parts nor an environment"
              .formatted(node.name(), urn));
    } else if (environmentId.isEmpty()) {
      problem("transform \"%s\" (%s) names no environment".formatted(node.name(), urn));
    } else if (!components.containsEnvironments(environmentId)) {
      problem(
          "transform \"%s\" names the environment \"%s\", which is missing"
              .formatted(node.name(), environmentId));
    } else if (node.mainInputs().size() != 1) {
      problem(
          "transform \"%s\" (%s) has %d main inputs where one is needed"
              .formatted(node.name(), urn, node.mainInputs().size()));
    }
  }

  private static boolean needsEnvironment(String urn) {
    return TransformKinds.sdkPrimitive(urn) || urn.equals(Transforms.COMBINE_PER_KEY);
  }

  private void checkPCollection(PCollectionId id, TransformNode node) {
    PCollection pcollection = components.getPcollectionsMap().get(id.value());
    if (pcollection == null) {
      problem(
          "transform \"%s\" names the PCollection \"%s\", which is missing"
              .formatted(node.name(), id));
      return;
    }
    if (!checkedPCollections.add(id)) {
      return;
    }
    String owner = "PCollection \"%s\"".formatted(id);
    if (!pcollection.getCoderId().isEmpty()) {
      checkCoder(pcollection.getCoderId(), owner);
    }
    String strategyId = pcollection.getWindowingStrategyId();
    WindowingStrategy strategy = components.getWindowingStrategiesMap().get(strategyId);
    if (strategy == null) {
      problem(
          "%s has the windowing strategy \"%s\", which is missing".formatted(owner, strategyId));
    } else {
      checkCoder(strategy.getWindowCoderId(), "windowing strategy \"%s\"".formatted(strategyId));
    }
  }

  private void checkCoder(String coderId, String owner) {
    Deque<String> open = new ArrayDeque<>(List.of(coderId));
    while (!open.isEmpty()) {
      String id = open.remove();
      if (!checkedCoders.add(id)) {
        continue;
      }
      Coder coder = components.getCodersMap().get(id);
      if (coder == null) {
        checkedCoders.remove(id);
        problem("%s needs the coder \"%s\", which is missing".formatted(owner, id));
      } else {
        open.addAll(coder.getComponentCoderIdsList());
      }
    }
    if (depth(coderId, 0) > MAX_CODER_DEPTH) {
      problem(
          "%s has the coder \"%s\", which contains itself or is nested too deeply"
              .formatted(owner, coderId));
    }
  }

  /** The depth of the nesting of a coder; more than the limit if it contains itself. */
  private int depth(String coderId, int above) {
    Integer known = depths.get(coderId);
    if (known != null) {
      return known;
    }
    int deepest = above > MAX_CODER_DEPTH ? MAX_CODER_DEPTH : 0;
    if (above <= MAX_CODER_DEPTH) {
      Coder coder = components.getCodersOrDefault(coderId, Coder.getDefaultInstance());
      for (String part : coder.getComponentCoderIdsList()) {
        deepest = Math.max(deepest, depth(part, above + 1));
      }
    }
    depths.put(coderId, deepest + 1);
    return deepest + 1;
  }

  private void checkParDo(TransformNode node, ParDoPayload parDo) {
    parDo
        .getSideInputsMap()
        .forEach(
            (name, spec) -> {
              String pattern = spec.getAccessPattern().getUrn();
              PCollectionId id = node.sideInputs().get(name);
              if (id == null) {
                problem(
                    "transform \"%s\" has the side input \"%s\" without a PCollection"
                        .formatted(node.name(), name));
              } else if (pattern.equals(SideInputs.MULTIMAP)) {
                checkPairs(id, "the multimap side input of transform", node);
              } else if (!pattern.equals(SideInputs.ITERABLE)) {
                problem(
                    "side input \"%s\" of transform \"%s\" has the access pattern \"%s\", which is not known"
                        .formatted(name, node.name(), pattern));
              }
            });
    if (!parDo.getRestrictionCoderId().isEmpty()) {
      checkCoder(
          parDo.getRestrictionCoderId(), "splittable transform \"%s\"".formatted(node.name()));
    }
    parDo.getStateSpecsMap().forEach((name, spec) -> checkState(node, name, spec));
    parDo
        .getTimerFamilySpecsMap()
        .forEach(
            (name, spec) ->
                checkCoder(
                    spec.getTimerFamilyCoderId(),
                    "timer family \"%s\" of transform \"%s\"".formatted(name, node.name())));
    if (node.stateful() && node.mainInputs().size() == 1) {
      checkPairs(node.mainInput(), "the input of stateful transform", node);
    }
  }

  private void checkState(TransformNode node, String name, StateSpec spec) {
    String owner = "state \"%s\" of transform \"%s\"".formatted(name, node.name());
    if (spec.getSpecCase() == StateSpec.SpecCase.SPEC_NOT_SET) {
      problem(owner + " has no specification");
    }
    for (String coderId : TransformNode.codersOf(spec)) {
      checkCoder(coderId, owner);
    }
  }

  private void checkPairs(PCollectionId id, String role, TransformNode node) {
    PCollection pcollection =
        components.getPcollectionsOrDefault(id.value(), PCollection.getDefaultInstance());
    Coder coder = components.getCodersMap().get(pcollection.getCoderId());
    if (coder != null && !coder.getSpec().getUrn().equals(Coders.KV)) {
      problem(
          "%s \"%s\" must be key-value pairs, but PCollection \"%s\" has a coder of \"%s\""
              .formatted(role, node.name(), id, coder.getSpec().getUrn()));
    }
  }

  private void checkCombine(TransformNode node) {
    try {
      CombinePayload payload = CombinePayload.parseFrom(node.proto().getSpec().getPayload());
      if (!payload.getAccumulatorCoderId().isEmpty()) {
        checkCoder(payload.getAccumulatorCoderId(), "combine \"%s\"".formatted(node.name()));
      }
    } catch (InvalidProtocolBufferException e) {
      problem(
          "transform \"%s\" has a combine payload that does not parse: %s"
              .formatted(node.name(), e.getMessage()));
    }
  }
}
