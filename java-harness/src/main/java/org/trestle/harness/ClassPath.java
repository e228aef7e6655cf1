package org.trestle.harness;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.nio.file.Path;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * The class path of this process, which grows. Java calls {@link #agentmain} before the program's
 * main method, as the manifest of the jar asks it to.
 */
public final class ClassPath {
  private static volatile @Nullable Instrumentation instrumentation;

  private ClassPath() {}

  /** Takes the way to the class path from Java. */
  public static void agentmain(String arguments, Instrumentation given) {
    instrumentation = given;
  }

  /**
   * Adds a jar behind all others.
   *
   * @throws IOException if it is no jar that can be read
   */
  static void add(Path jar) throws IOException {
    Instrumentation known = instrumentation;
    if (known == null) {
      throw new IOException("the program was not started with java -jar");
    }
    try {
      known.appendToSystemClassLoaderSearch(new JarFile(jar.toFile()));
    } catch (IOException e) {
      throw new IOException(jar + " is no jar: " + e.getMessage(), e);
    }
  }
}
