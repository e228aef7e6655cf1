package org.trestle.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Holds the arrows between the packages of the engine, and from the engine to other modules. */
class ArchitectureTest {
  private static final JavaClasses ENGINE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.trestle.engine");

  /** What any package but the core may use. */
  private static final List<String> COMMON =
      List.of(
          "java..",
          "com.google.protobuf..",
          "org.apache.beam.model..",
          "org.trestle.proto",
          "org.slf4j",
          "org.jspecify.annotations",
          "com.google.errorprone.annotations..");

  @ParameterizedTest(name = "{0} may use {1}")
  @CsvSource(
      delimiter = ':',
      textBlock =
          """
          graph     : ''
          optimize  : engine.graph..
          fuse      : engine.graph.. engine.optimize.. fn.wire
          windowing : engine.core.. fn.wire
          shuffle   : engine.core.. engine.windowing.. fn.wire
          state     : engine.core.. engine.windowing.. engine.shuffle.. fn.wire
          operator  : engine.graph.. engine.core.. engine.windowing.. engine.shuffle.. engine.state.. fn.wire
          metrics   : fn.control
          execute   : engine.. fn..
          """)
  void packagesUseNoMoreThanTheyMay(String name, String others) {
    List<String> allowed = new ArrayList<>(COMMON);
    allowed.add("org.trestle.engine." + name + "..");
    if (name.equals("shuffle")) {
      allowed.add("net.jpountz.lz4");
    }
    for (String other : others.split(" ")) {
      if (!other.isEmpty()) {
        allowed.add("org.trestle." + other);
      }
    }
    classes()
        .that()
        .resideInAPackage("org.trestle.engine." + name + "..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(allowed.toArray(String[]::new))
        .allowEmptyShould(true)
        .check(ENGINE);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("org.trestle.engine.(*)..").should().beFreeOfCycles().check(ENGINE);
    slices().matching("org.trestle.engine.core.(*)..").should().beFreeOfCycles().check(ENGINE);
  }

  @Test
  void theEngineKnowsNeitherTheJobServiceNorGrpc() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.trestle.job..", "io.grpc..", "io.netty..")
        .check(ENGINE);
  }

  @Test
  void nothingIsNamedByItsKind() {
    noClasses()
        .should()
        .haveSimpleNameEndingWith("Manager")
        .orShould()
        .haveSimpleNameEndingWith("Util")
        .orShould()
        .haveSimpleNameEndingWith("Utils")
        .orShould()
        .haveSimpleNameEndingWith("Helper")
        .orShould()
        .haveSimpleNameEndingWith("Impl")
        .check(ENGINE);
  }
}
