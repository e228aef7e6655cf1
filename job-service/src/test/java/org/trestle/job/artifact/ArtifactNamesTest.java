package org.trestle.job.artifact;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

final class ArtifactNamesTest {

  /** A name that is accepted stays below the directory it is put in. */
  @Property
  void acceptedNamesStayInside(@ForAll("names") String name) {
    if (!ArtifactNames.escapes(name)) {
      Path root = Path.of("/staged");
      assertThat(root.resolve(name).normalize()).startsWithRaw(root).isNotEqualTo(root);
    }
  }

  /** Plain relative names are accepted. */
  @Property
  void plainNamesAreAccepted(@ForAll("plain") String name) {
    assertThat(ArtifactNames.escapes(name)).isFalse();
  }

  @Provide
  Arbitrary<String> names() {
    return Arbitraries.of("a", "..", ".", "/", "\\", "b.jar", "\0", "~", "C:", " ", "")
        .list()
        .ofMaxSize(8)
        .map(parts -> String.join("", parts));
  }

  @Provide
  Arbitrary<String> plain() {
    return Arbitraries.strings()
        .withCharRange('a', 'z')
        .withChars('-', '_')
        .ofMinLength(1)
        .ofMaxLength(20)
        .list()
        .ofMinSize(1)
        .ofMaxSize(4)
        .map(parts -> String.join("/", parts) + ".jar");
  }
}
