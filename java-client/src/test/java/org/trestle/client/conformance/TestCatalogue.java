package org.trestle.client.conformance;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.apache.beam.sdk.testing.ValidatesRunner;
import org.jspecify.annotations.Nullable;
import org.junit.Test;
import org.junit.experimental.categories.Category;
import org.junit.runner.Description;
import org.junit.runner.Request;
import org.junit.runner.Runner;

/**
 * The tests of a jar that Beam marks with {@link ValidatesRunner}, by id: the class without {@code
 * org.apache.beam.sdk}, and the method.
 */
final class TestCatalogue {
  private static final String COMMON_PACKAGE = "org.apache.beam.sdk.";
  private static final String MARK = ValidatesRunner.class.getName().replace('.', '/');

  private final Map<String, TestCase> tests = new TreeMap<>();

  /** A test and the JUnit runner of its class. */
  record TestCase(Class<?> type, Description description) {
    Request request() {
      return Request.aClass(type).filterWith(description);
    }
  }

  /** Reads a jar that is on the class path as well. */
  static TestCatalogue of(Path jar) throws IOException {
    TestCatalogue catalogue = new TestCatalogue();
    try (JarFile file = new JarFile(jar.toFile())) {
      for (ZipEntry entry : Collections.list(file.entries())) {
        if (entry.getName().endsWith(".class")) {
          try (InputStream bytes = file.getInputStream(entry)) {
            // Loading all classes of the jar would take long and need libraries of other tests.
            if (new String(bytes.readAllBytes(), StandardCharsets.ISO_8859_1).contains(MARK)) {
              catalogue.add(entry.getName().replaceAll("\\.class$", "").replace('/', '.'));
            }
          }
        }
      }
    }
    return catalogue;
  }

  List<String> ids() {
    return List.copyOf(tests.keySet());
  }

  @Nullable TestCase find(String id) {
    return tests.get(id);
  }

  private void add(String className) {
    Class<?> type;
    try {
      type = Class.forName(className, false, TestCatalogue.class.getClassLoader());
      if (Modifier.isAbstract(type.getModifiers()) || !hasTests(type)) {
        return;
      }
    } catch (ClassNotFoundException | LinkageError e) {
      throw new IllegalStateException("cannot load " + className + ": " + e, e);
    }
    Runner runner = Request.aClass(type).getRunner();
    for (Description leaf : leaves(runner.getDescription())) {
      if (leaf.getTestClass() == type && validatesRunner(leaf)) {
        String name = String.valueOf(leaf.getMethodName()).replace(' ', '_');
        tests.put(shortName(className) + "." + name, new TestCase(type, leaf));
      }
    }
  }

  private static String shortName(String className) {
    return className.startsWith(COMMON_PACKAGE)
        ? className.substring(COMMON_PACKAGE.length())
        : className;
  }

  private static boolean hasTests(Class<?> type) {
    for (Method method : type.getMethods()) {
      if (method.isAnnotationPresent(Test.class)) {
        return true;
      }
    }
    return false;
  }

  private static List<Description> leaves(Description description) {
    if (description.isTest()) {
      return List.of(description);
    }
    List<Description> leaves = new ArrayList<>();
    description.getChildren().forEach(child -> leaves.addAll(leaves(child)));
    return leaves;
  }

  private static boolean validatesRunner(Description leaf) {
    return isMarked(leaf.getAnnotation(Category.class))
        || isMarked(leaf.getTestClass().getAnnotation(Category.class));
  }

  private static boolean isMarked(@Nullable Category category) {
    return category != null
        && Arrays.stream(category.value()).anyMatch(ValidatesRunner.class::isAssignableFrom);
  }
}
