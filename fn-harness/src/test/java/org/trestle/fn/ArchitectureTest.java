package org.trestle.fn;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Holds the arrows between the packages of the Fn API harness, and to other modules. */
class ArchitectureTest {
  private static final JavaClasses FN =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.trestle.fn");

  @Test
  void wireFormatsNeedNoServices() {
    classes()
        .that()
        .resideInAPackage("org.trestle.fn.wire..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.trestle.fn.wire..",
            "org.trestle.proto",
            "org.apache.beam.model.pipeline.v1",
            "com.google.protobuf",
            "java..",
            "org.jspecify.annotations",
            "com.google.errorprone.annotations..")
        .check(FN);
  }

  @Test
  void theHarnessKnowsNeitherTheEngineNorTheJobService() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.trestle.engine..", "org.trestle.job..")
        .check(FN);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("org.trestle.fn.(*)..").should().beFreeOfCycles().check(FN);
  }

  @Test
  void onlyTheServerJoinsTheServices() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "org.trestle.fn.control..",
            "org.trestle.fn.data..",
            "org.trestle.fn.state..",
            "org.trestle.fn.logging..",
            "org.trestle.fn.provision..",
            "org.trestle.fn.artifact..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.trestle.fn.server..", "org.trestle.fn.environment..")
        .check(FN);
  }
}
