package org.trestle.proto;

import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.ProtocolMessageEnum;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.FnApiTransforms;
import org.apache.beam.model.pipeline.v1.MetricsApi;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardCoders;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardDisplayData;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardEnvironments;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardPTransforms;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardProtocols;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardRequirements;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardResourceHints;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardRunnerProtocols;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardSideInputTypes;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardUserStateTypes;
import org.apache.beam.model.pipeline.v1.SchemaApi;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.FixedWindowsPayload;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.GlobalWindowsPayload;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.SessionWindowsPayload;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.SlidingWindowsPayload;

/**
 * The URNs of the Beam model, as the protos themselves state them: each constant is read from the
 * {@code beam_urn} option of an enum value, so it cannot drift from the pinned Beam version.
 *
 * <p>Constants are grouped by what they name. Those missing here can be had by {@link #of}.
 */
public final class Urns {
  private Urns() {}

  /**
   * Returns the URN that a value of a model enum stands for: its {@code beam_urn} option, or for
   * {@code MonitoringInfoSpecs} the URN of the metric it specifies.
   *
   * @throws IllegalArgumentException if the enum value carries no URN
   */
  public static String of(ProtocolMessageEnum value) {
    return of(value.getValueDescriptor());
  }

  /**
   * Returns all URNs of a model enum, in the order of the proto file.
   *
   * @throws IllegalArgumentException if one of the values carries no URN
   */
  public static Set<String> allOf(EnumDescriptor type) {
    Set<String> urns = new LinkedHashSet<>();
    for (EnumValueDescriptor value : type.getValues()) {
      urns.add(of(value));
    }
    return Collections.unmodifiableSet(urns);
  }

  /**
   * Returns the constant that a value of a model enum stands for: its {@code beam_constant} option.
   *
   * @throws IllegalArgumentException if the enum value carries no constant
   */
  public static String constant(ProtocolMessageEnum value) {
    EnumValueDescriptor descriptor = value.getValueDescriptor();
    if (!descriptor.getOptions().hasExtension(RunnerApi.beamConstant)) {
      throw new IllegalArgumentException("no constant in the model: " + descriptor.getFullName());
    }
    return descriptor.getOptions().getExtension(RunnerApi.beamConstant);
  }

  private static String of(EnumValueDescriptor value) {
    String urn = value.getOptions().getExtension(RunnerApi.beamUrn);
    if (urn.isEmpty()) {
      urn = value.getOptions().getExtension(MetricsApi.monitoringInfoSpec).getUrn();
    }
    if (urn.isEmpty()) {
      throw new IllegalArgumentException("no URN in the model: " + value.getFullName());
    }
    return urn;
  }

  /** Transforms that a runner executes, recognises or makes. */
  public static final class Transforms {
    public static final String PAR_DO = of(StandardPTransforms.Primitives.PAR_DO);
    public static final String FLATTEN = of(StandardPTransforms.Primitives.FLATTEN);
    public static final String GROUP_BY_KEY = of(StandardPTransforms.Primitives.GROUP_BY_KEY);
    public static final String IMPULSE = of(StandardPTransforms.Primitives.IMPULSE);
    public static final String ASSIGN_WINDOWS = of(StandardPTransforms.Primitives.ASSIGN_WINDOWS);
    public static final String TEST_STREAM = of(StandardPTransforms.Primitives.TEST_STREAM);
    public static final String MAP_WINDOWS = of(StandardPTransforms.Primitives.MAP_WINDOWS);
    public static final String MERGE_WINDOWS = of(StandardPTransforms.Primitives.MERGE_WINDOWS);
    public static final String TO_STRING = of(StandardPTransforms.Primitives.TO_STRING);

    public static final String READ = of(StandardPTransforms.DeprecatedPrimitives.READ);
    public static final String CREATE_VIEW =
        of(StandardPTransforms.DeprecatedPrimitives.CREATE_VIEW);

    public static final String COMBINE_PER_KEY = of(StandardPTransforms.Composites.COMBINE_PER_KEY);
    public static final String COMBINE_GLOBALLY =
        of(StandardPTransforms.Composites.COMBINE_GLOBALLY);
    public static final String RESHUFFLE = of(StandardPTransforms.Composites.RESHUFFLE);
    public static final String WRITE_FILES = of(StandardPTransforms.Composites.WRITE_FILES);
    public static final String PUBSUB_READ = of(StandardPTransforms.Composites.PUBSUB_READ);
    public static final String PUBSUB_WRITE = of(StandardPTransforms.Composites.PUBSUB_WRITE);
    public static final String PUBSUB_WRITE_V2 = of(StandardPTransforms.Composites.PUBSUB_WRITE_V2);
    public static final String GROUP_INTO_BATCHES_WITH_SHARDED_KEY =
        of(StandardPTransforms.Composites.GROUP_INTO_BATCHES_WITH_SHARDED_KEY);
    public static final String REDISTRIBUTE_BY_KEY =
        of(StandardPTransforms.Composites.REDISTRIBUTE_BY_KEY);
    public static final String REDISTRIBUTE_ARBITRARILY =
        of(StandardPTransforms.Composites.REDISTRIBUTE_ARBITRARILY);

    public static final String COMBINE_PER_KEY_PRECOMBINE =
        of(StandardPTransforms.CombineComponents.COMBINE_PER_KEY_PRECOMBINE);
    public static final String COMBINE_PER_KEY_MERGE_ACCUMULATORS =
        of(StandardPTransforms.CombineComponents.COMBINE_PER_KEY_MERGE_ACCUMULATORS);
    public static final String COMBINE_PER_KEY_EXTRACT_OUTPUTS =
        of(StandardPTransforms.CombineComponents.COMBINE_PER_KEY_EXTRACT_OUTPUTS);
    public static final String COMBINE_GROUPED_VALUES =
        of(StandardPTransforms.CombineComponents.COMBINE_GROUPED_VALUES);
    public static final String COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS =
        of(StandardPTransforms.CombineComponents.COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS);

    public static final String PAIR_WITH_RESTRICTION =
        of(StandardPTransforms.SplittableParDoComponents.PAIR_WITH_RESTRICTION);
    public static final String SPLIT_AND_SIZE_RESTRICTIONS =
        of(StandardPTransforms.SplittableParDoComponents.SPLIT_AND_SIZE_RESTRICTIONS);
    public static final String PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS =
        of(StandardPTransforms.SplittableParDoComponents.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS);
    public static final String TRUNCATE_SIZED_RESTRICTION =
        of(StandardPTransforms.SplittableParDoComponents.TRUNCATE_SIZED_RESTRICTION);

    public static final String GROUP_INTO_BATCHES =
        of(StandardPTransforms.GroupIntoBatchesComponents.GROUP_INTO_BATCHES);

    public static final String DATA_SOURCE = of(FnApiTransforms.Runner.DATA_SOURCE);
    public static final String DATA_SINK = of(FnApiTransforms.Runner.DATA_SINK);

    private Transforms() {}
  }

  /** Standard coders. */
  public static final class Coders {
    public static final String BYTES = of(StandardCoders.Enum.BYTES);
    public static final String STRING_UTF8 = of(StandardCoders.Enum.STRING_UTF8);
    public static final String KV = of(StandardCoders.Enum.KV);
    public static final String BOOL = of(StandardCoders.Enum.BOOL);
    public static final String VARINT = of(StandardCoders.Enum.VARINT);
    public static final String DOUBLE = of(StandardCoders.Enum.DOUBLE);
    public static final String ITERABLE = of(StandardCoders.Enum.ITERABLE);
    public static final String TIMER = of(StandardCoders.Enum.TIMER);
    public static final String INTERVAL_WINDOW = of(StandardCoders.Enum.INTERVAL_WINDOW);
    public static final String LENGTH_PREFIX = of(StandardCoders.Enum.LENGTH_PREFIX);
    public static final String GLOBAL_WINDOW = of(StandardCoders.Enum.GLOBAL_WINDOW);
    public static final String WINDOWED_VALUE = of(StandardCoders.Enum.WINDOWED_VALUE);
    public static final String PARAM_WINDOWED_VALUE = of(StandardCoders.Enum.PARAM_WINDOWED_VALUE);
    public static final String STATE_BACKED_ITERABLE =
        of(StandardCoders.Enum.STATE_BACKED_ITERABLE);
    public static final String CUSTOM_WINDOW = of(StandardCoders.Enum.CUSTOM_WINDOW);
    public static final String ROW = of(StandardCoders.Enum.ROW);
    public static final String SHARDED_KEY = of(StandardCoders.Enum.SHARDED_KEY);
    public static final String NULLABLE = of(StandardCoders.Enum.NULLABLE);

    private Coders() {}
  }

  /** Logical types of schemas that all SDKs know. */
  public static final class LogicalTypes {
    public static final String PYTHON_CALLABLE = of(SchemaApi.LogicalTypes.Enum.PYTHON_CALLABLE);
    public static final String MICROS_INSTANT = of(SchemaApi.LogicalTypes.Enum.MICROS_INSTANT);
    public static final String MILLIS_INSTANT = of(SchemaApi.LogicalTypes.Enum.MILLIS_INSTANT);
    public static final String DECIMAL = of(SchemaApi.LogicalTypes.Enum.DECIMAL);
    public static final String FIXED_BYTES = of(SchemaApi.LogicalTypes.Enum.FIXED_BYTES);
    public static final String VAR_BYTES = of(SchemaApi.LogicalTypes.Enum.VAR_BYTES);
    public static final String FIXED_CHAR = of(SchemaApi.LogicalTypes.Enum.FIXED_CHAR);
    public static final String VAR_CHAR = of(SchemaApi.LogicalTypes.Enum.VAR_CHAR);

    private LogicalTypes() {}
  }

  /** Window functions that a runner can apply and merge itself. */
  public static final class WindowFns {
    public static final String GLOBAL = of(GlobalWindowsPayload.Enum.PROPERTIES);

    public static final String FIXED = of(FixedWindowsPayload.Enum.PROPERTIES);

    public static final String SLIDING = of(SlidingWindowsPayload.Enum.PROPERTIES);

    public static final String SESSION = of(SessionWindowsPayload.Enum.PROPERTIES);

    private WindowFns() {}
  }

  /** Access patterns of side inputs. */
  public static final class SideInputs {
    public static final String ITERABLE = of(StandardSideInputTypes.Enum.ITERABLE);
    public static final String MULTIMAP = of(StandardSideInputTypes.Enum.MULTIMAP);

    private SideInputs() {}
  }

  /** Protocols of user state. */
  public static final class UserState {
    public static final String BAG = of(StandardUserStateTypes.Enum.BAG);
    public static final String MULTIMAP = of(StandardUserStateTypes.Enum.MULTIMAP);
    public static final String ORDERED_LIST = of(StandardUserStateTypes.Enum.ORDERED_LIST);

    private UserState() {}
  }

  /** Environments. */
  public static final class Environments {
    public static final String DOCKER = of(StandardEnvironments.Environments.DOCKER);
    public static final String PROCESS = of(StandardEnvironments.Environments.PROCESS);
    public static final String EXTERNAL = of(StandardEnvironments.Environments.EXTERNAL);
    public static final String DEFAULT = of(StandardEnvironments.Environments.DEFAULT);
    public static final String ANYOF = of(StandardEnvironments.Environments.ANYOF);

    private Environments() {}
  }

  /** Types and roles of artifacts. */
  public static final class Artifacts {
    public static final String TYPE_FILE = of(StandardArtifacts.Types.FILE);
    public static final String TYPE_URL = of(StandardArtifacts.Types.URL);
    public static final String TYPE_EMBEDDED = of(StandardArtifacts.Types.EMBEDDED);
    public static final String TYPE_PYPI = of(StandardArtifacts.Types.PYPI);
    public static final String TYPE_MAVEN = of(StandardArtifacts.Types.MAVEN);
    public static final String TYPE_DEFERRED = of(StandardArtifacts.Types.DEFERRED);

    public static final String ROLE_STAGING_TO = of(StandardArtifacts.Roles.STAGING_TO);
    public static final String ROLE_PIP_REQUIREMENTS_FILE =
        of(StandardArtifacts.Roles.PIP_REQUIREMENTS_FILE);
    public static final String ROLE_GO_WORKER_BINARY = of(StandardArtifacts.Roles.GO_WORKER_BINARY);

    private Artifacts() {}
  }

  /** What a pipeline may demand of its runner. */
  public static final class Requirements {
    public static final String STATEFUL_PROCESSING =
        of(StandardRequirements.Enum.REQUIRES_STATEFUL_PROCESSING);
    public static final String BUNDLE_FINALIZATION =
        of(StandardRequirements.Enum.REQUIRES_BUNDLE_FINALIZATION);
    public static final String STABLE_INPUT = of(StandardRequirements.Enum.REQUIRES_STABLE_INPUT);
    public static final String TIME_SORTED_INPUT =
        of(StandardRequirements.Enum.REQUIRES_TIME_SORTED_INPUT);
    public static final String SPLITTABLE_DOFN =
        of(StandardRequirements.Enum.REQUIRES_SPLITTABLE_DOFN);
    public static final String ON_WINDOW_EXPIRATION =
        of(StandardRequirements.Enum.REQUIRES_ON_WINDOW_EXPIRATION);

    private Requirements() {}
  }

  /** What an SDK harness may say it can do. */
  public static final class SdkCapabilities {
    public static final String LEGACY_PROGRESS_REPORTING =
        of(StandardProtocols.Enum.LEGACY_PROGRESS_REPORTING);
    public static final String PROGRESS_REPORTING = of(StandardProtocols.Enum.PROGRESS_REPORTING);
    public static final String WORKER_STATUS = of(StandardProtocols.Enum.WORKER_STATUS);
    public static final String MULTI_CORE_BUNDLE_PROCESSING =
        of(StandardProtocols.Enum.MULTI_CORE_BUNDLE_PROCESSING);
    public static final String SIBLING_WORKERS = of(StandardProtocols.Enum.SIBLING_WORKERS);
    public static final String HARNESS_MONITORING_INFOS =
        of(StandardProtocols.Enum.HARNESS_MONITORING_INFOS);
    public static final String CONTROL_REQUEST_ELEMENTS_EMBEDDING =
        of(StandardProtocols.Enum.CONTROL_REQUEST_ELEMENTS_EMBEDDING);
    public static final String STATE_CACHING = of(StandardProtocols.Enum.STATE_CACHING);
    public static final String DATA_SAMPLING = of(StandardProtocols.Enum.DATA_SAMPLING);
    public static final String SDK_CONSUMING_RECEIVED_DATA =
        of(StandardProtocols.Enum.SDK_CONSUMING_RECEIVED_DATA);
    public static final String ORDERED_LIST_STATE = of(StandardProtocols.Enum.ORDERED_LIST_STATE);
    public static final String ELEMENT_METADATA = of(StandardProtocols.Enum.ELEMENT_METADATA);
    public static final String MULTIMAP_STATE = of(StandardProtocols.Enum.MULTIMAP_STATE);

    private SdkCapabilities() {}
  }

  /** What a runner may say it can do. */
  public static final class RunnerCapabilities {
    public static final String MONITORING_INFO_SHORT_IDS =
        of(StandardRunnerProtocols.Enum.MONITORING_INFO_SHORT_IDS);
    public static final String CONTROL_RESPONSE_ELEMENTS_EMBEDDING =
        of(StandardRunnerProtocols.Enum.CONTROL_RESPONSE_ELEMENTS_EMBEDDING);
    public static final String MULTIMAP_KEYS_VALUES_SIDE_INPUT =
        of(StandardRunnerProtocols.Enum.MULTIMAP_KEYS_VALUES_SIDE_INPUT);

    private RunnerCapabilities() {}
  }

  /** Resources that a transform may ask for. */
  public static final class ResourceHints {
    public static final String ACCELERATOR = of(StandardResourceHints.Enum.ACCELERATOR);
    public static final String MIN_RAM_BYTES = of(StandardResourceHints.Enum.MIN_RAM_BYTES);
    public static final String CPU_COUNT = of(StandardResourceHints.Enum.CPU_COUNT);
    public static final String MAX_ACTIVE_BUNDLES_PER_WORKER =
        of(StandardResourceHints.Enum.MAX_ACTIVE_BUNDLES_PER_WORKER);

    private ResourceHints() {}
  }

  /** Formats of display data. */
  public static final class DisplayData {
    public static final String LABELLED = of(StandardDisplayData.DisplayData.LABELLED);

    private DisplayData() {}
  }
}
