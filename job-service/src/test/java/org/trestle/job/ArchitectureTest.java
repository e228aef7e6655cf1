package org.trestle.job;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.trestle.job");

  @Test
  void packagesPointOneWay() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("command")
        .definedBy("org.trestle.job.command..")
        .layer("rehearsal")
        .definedBy("org.trestle.job.rehearsal..")
        .layer("api")
        .definedBy("org.trestle.job.api..")
        .layer("run")
        .definedBy("org.trestle.job.run..")
        .layer("store")
        .definedBy("org.trestle.job.store..")
        .layer("event")
        .definedBy("org.trestle.job.event..")
        .whereLayer("command")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("rehearsal")
        .mayOnlyBeAccessedByLayers("command")
        .whereLayer("rehearsal")
        .mayNotAccessAnyLayer()
        .whereLayer("api")
        .mayOnlyBeAccessedByLayers("command")
        .whereLayer("run")
        .mayOnlyBeAccessedByLayers("api")
        .whereLayer("store")
        .mayOnlyBeAccessedByLayers("run", "api", "command")
        .whereLayer("event")
        .mayOnlyBeAccessedByLayers("store", "run", "api", "command")
        .check(CLASSES);
    slices().matching("org.trestle.job.(*)..").should().beFreeOfCycles().check(CLASSES);
  }
}
