package org.trestle.proto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi;
import org.apache.beam.model.pipeline.v1.ExternalTransforms;
import org.apache.beam.model.pipeline.v1.MetricsApi;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.BeamConstants;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardCoders;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardPTransforms;
import org.apache.beam.model.pipeline.v1.SchemaApi;
import org.apache.beam.model.pipeline.v1.StandardWindowFns;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class UrnsTest {

  @Test
  void readsUrnsFromTheModel() {
    assertThat(Urns.of(StandardPTransforms.Primitives.PAR_DO)).isEqualTo("beam:transform:pardo:v1");
    assertThat(Urns.WindowFns.SESSION).isEqualTo("beam:window_fn:session_windows:v1");
    assertThat(Urns.Transforms.DATA_SOURCE).isEqualTo("beam:runner:source:v1");
    assertThat(Urns.of(MonitoringInfoSpecs.Enum.USER_SUM_INT64))
        .isEqualTo("beam:metric:user:sum_int64:v1");
  }

  @Test
  void readsConstantsFromTheModel() {
    assertThat(Urns.constant(BeamConstants.Constants.MAX_TIMESTAMP_MILLIS))
        .isEqualTo("9223372036854775");
  }

  @Test
  void refusesEnumsWithoutUrn() {
    assertThatThrownBy(() -> Urns.of(IsBounded.Enum.BOUNDED))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("IsBounded");
    assertThatThrownBy(() -> Urns.constant(IsBounded.Enum.BOUNDED))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void listsAllUrnsOfAnEnum() {
    assertThat(Urns.allOf(StandardCoders.Enum.getDescriptor()))
        .hasSize(StandardCoders.Enum.values().length - 1) // without UNRECOGNIZED
        .contains(Urns.Coders.NULLABLE);
  }

  @ParameterizedTest
  @MethodSource("enumsWithUrns")
  void everyValueOfAnEnumWithUrnsHasOne(EnumDescriptor type) {
    assertThat(Urns.allOf(type)).hasSize(type.getValues().size()).doesNotContain("");
  }

  static Stream<EnumDescriptor> enumsWithUrns() {
    return Stream.of(
            RunnerApi.getDescriptor(),
            BeamFnApi.getDescriptor(),
            SchemaApi.getDescriptor(),
            MetricsApi.getDescriptor(),
            ExternalTransforms.getDescriptor(),
            StandardWindowFns.getDescriptor())
        .flatMap(UrnsTest::enums)
        .filter(
            type ->
                type.getValues().stream()
                    .anyMatch(
                        value ->
                            value.getOptions().hasExtension(RunnerApi.beamUrn)
                                || value.getOptions().hasExtension(MetricsApi.monitoringInfoSpec)));
  }

  private static Stream<EnumDescriptor> enums(FileDescriptor file) {
    return file.getMessageTypes().stream().flatMap(UrnsTest::enums);
  }

  private static Stream<EnumDescriptor> enums(Descriptor message) {
    return Stream.concat(
        message.getEnumTypes().stream(),
        message.getNestedTypes().stream().flatMap(UrnsTest::enums));
  }

  @Test
  void constantsAreUrnsAndDiffer() throws IllegalAccessException {
    List<String> urns = new ArrayList<>();
    for (Class<?> group : Urns.class.getDeclaredClasses()) {
      for (Field field : group.getDeclaredFields()) {
        if (Modifier.isPublic(field.getModifiers())) {
          urns.add((String) field.get(null));
        }
      }
    }
    assertThat(urns).hasSizeGreaterThan(90).doesNotHaveDuplicates();
    assertThat(urns).allMatch(urn -> urn.startsWith("beam:"));
  }
}
