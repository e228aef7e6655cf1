package org.trestle.job.run;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Locale;

/** Makes names and ids of jobs. */
final class JobNames {
  private static final SecureRandom random = new SecureRandom();
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);
  private static final int LONGEST_NAME = 200;
  private static final int LONGEST_IN_ID = 40;

  private JobNames() {}

  /** The name the user gave: in the request, or in the options where an SDK always says "job". */
  static String name(String requested, Struct options) {
    String option =
        options
            .getFieldsOrDefault("beam:option:job_name:v1", Value.getDefaultInstance())
            .getStringValue();
    String name =
        (requested.isBlank() || requested.equals("job")) && !option.isBlank() ? option : requested;
    String printable = name.replaceAll("\\p{Cntrl}", " ").strip();
    if (printable.isEmpty()) {
      return "job";
    }
    return printable.length() > LONGEST_NAME ? printable.substring(0, LONGEST_NAME) : printable;
  }

  /** An id that says what and when, is unique, and is safe as a file name. */
  static String jobId(String name, Instant now) {
    String slug =
        name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-+|-+$", "");
    if (slug.isEmpty()) {
      slug = "job";
    }
    if (slug.length() > LONGEST_IN_ID) {
      slug = slug.substring(0, LONGEST_IN_ID);
    }
    return slug + "-" + TIME.format(now) + "-" + token(3);
  }

  /** A random token of so many bytes. */
  static String token(int bytes) {
    byte[] token = new byte[bytes];
    random.nextBytes(token);
    return HexFormat.of().formatHex(token);
  }
}
