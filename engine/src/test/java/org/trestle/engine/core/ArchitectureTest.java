package org.trestle.engine.core;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Holds what the package page of the core promises. */
final class ArchitectureTest {
  private static final JavaClasses CORE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.trestle.engine.core");

  @Test
  void coreKnowsTheJdkOnly() {
    classes()
        .that()
        .resideInAPackage("org.trestle.engine.core..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.trestle.engine.core..",
            "java.lang..",
            "java.util",
            "java.util.function",
            "java.time",
            "org.jspecify.annotations",
            "com.google.errorprone.annotations..")
        .check(CORE);
  }

  @Test
  void coreHasNoClockThreadOrLockOfItsOwn() {
    noClasses()
        .should()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(java.time.Instant.class, "now")
        .orShould()
        .callMethod(Thread.class, "start")
        .orShould()
        .callMethod(Object.class, "wait")
        .check(CORE);
  }
}
