package org.trestle.expansion;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Pattern;

/** Turns the stack trace of a failed expansion into text for the user of the transform. */
final class FailureText {
  private static final int LONGEST = 8000;
  private static final String CAUSE = "Caused by: ";

  /** Of exceptions whose name says no more than that something is wrong. */
  private static final Pattern PLAIN_NAME =
      Pattern.compile(
          "^java\\.lang\\.(Runtime|IllegalArgument|IllegalState|UnsupportedOperation)"
              + "Exception(: |$)");

  /** What an exception that wraps another one repeats of it. */
  private static final Pattern NAME_OF_NEXT = Pattern.compile("^([a-z]\\w*\\.)+[A-Z][\\w$]*: ");

  private FailureText() {}

  /** Prints a stack trace with all causes. */
  static String trace(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  /** Joins the messages of an exception and its causes, as far as each says something new. */
  static String summary(String trace) {
    StringBuilder message = new StringBuilder();
    Set<String> messages = new LinkedHashSet<>();
    for (String line : trace.split("\n", -1)) {
      if (line.startsWith("\t")) {
        continue;
      }
      if (line.startsWith(CAUSE)) {
        add(messages, message);
        message.append(line, CAUSE.length(), line.length());
      } else {
        message.append(message.isEmpty() ? "" : "\n").append(line);
      }
    }
    add(messages, message);
    String text = String.join("; because: ", messages);
    return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
  }

  private static void add(Set<String> messages, StringBuilder message) {
    String text = PLAIN_NAME.matcher(message.toString().strip()).replaceFirst("");
    message.setLength(0);
    String bare = NAME_OF_NEXT.matcher(text).replaceFirst("");
    if (!bare.isBlank() && messages.stream().noneMatch(known -> known.endsWith(bare))) {
      messages.add(text);
    }
  }
}
