package org.trestle.client;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Holds what keeps the client apart from the rest of Trestle. */
final class ArchitectureTest {
  private static final JavaClasses CLIENT =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.trestle.client");

  @Test
  void knowsNoOtherPartOfTrestleAndNoGrpcButTheSdks() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.trestle.proto..",
            "org.trestle.fn..",
            "org.trestle.engine..",
            "org.trestle.job..",
            "io.grpc..",
            "com.google.protobuf..",
            "org.apache.beam.runners..")
        .check(CLIENT);
  }

  @Test
  void theModelsClassesAreThoseOfTheSdk() throws ClassNotFoundException {
    Class<?> message = Class.forName("org.apache.beam.model.pipeline.v1.RunnerApi$Pipeline");

    assertThat(message.getSuperclass().getName()).startsWith("org.apache.beam.vendor.grpc.");
    assertThat(message.getClassLoader().getResource("org/trestle/proto")).isNull();
  }

  @Test
  void onlyTheRunnerForTestsKnowsLibrariesForTests() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.trestle.client.testing")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.junit..", "org.hamcrest..", "org.apache.beam.sdk.testing..")
        .check(CLIENT);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("org.trestle.(**)").should().beFreeOfCycles().check(CLIENT);
  }
}
