package org.trestle.client.conformance;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.internal.AssumptionViolatedException;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/**
 * Runs the tests whose ids it reads, one a line, and answers each with a line of JSON: {@code
 * test}, {@code status} (passed, failed or skipped), {@code seconds}, {@code message}.
 *
 * <p>Its first line lists all tests: {@code {"tests": [...]}}. What the tests print goes to
 * standard error. It ends with its input; limits of time are up to who started it.
 */
public final class TestServer {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TestServer() {}

  /** Serves the tests of the jar that the only argument names. */
  public static void main(String[] arguments) throws IOException {
    PrintStream answers = System.out;
    System.setOut(System.err);
    TestCatalogue catalogue = TestCatalogue.of(Path.of(arguments[0]));
    answer(answers, Map.of("tests", catalogue.ids()));
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String id = requests.readLine(); id != null; id = requests.readLine()) {
      answer(answers, run(id, catalogue.find(id)));
    }
    System.exit(0); // threads of tests may still be there
  }

  private static Map<String, Object> run(String id, TestCatalogue.@Nullable TestCase test) {
    if (test == null) {
      return outcome(id, "failed", 0, "there is no such test");
    }
    System.err.println("=== " + id);
    JUnitCore core = new JUnitCore();
    Assumptions assumptions = new Assumptions();
    core.addListener(assumptions);
    Result result = core.run(test.request());
    double seconds = result.getRunTime() / 1000.0;
    List<Failure> failures = result.getFailures();
    if (!failures.isEmpty()) {
      return outcome(id, "failed", seconds, failures.get(0).getTrace());
    }
    if (result.getIgnoreCount() > 0 || assumptions.violated) {
      return outcome(id, "skipped", seconds, "");
    }
    return result.getRunCount() == 1
        ? outcome(id, "passed", seconds, "")
        : outcome(id, "failed", seconds, result.getRunCount() + " tests ran instead of one");
  }

  private static Map<String, Object> outcome(
      String id, String status, double seconds, String message) {
    Map<String, Object> outcome = new LinkedHashMap<>();
    outcome.put("test", id);
    outcome.put("status", status);
    outcome.put("seconds", seconds);
    outcome.put("message", message);
    return outcome;
  }

  private static void answer(PrintStream answers, Map<String, ?> content) throws IOException {
    answers.write((JSON.writeValueAsString(content) + "\n").getBytes(StandardCharsets.UTF_8));
    answers.flush();
  }

  /** Notes whether a test ended by an assumption that does not hold. */
  private static final class Assumptions extends RunListener {
    private boolean violated;

    @Override
    public void testAssumptionFailure(Failure failure) {
      violated = failure.getException() instanceof AssumptionViolatedException;
    }
  }
}
