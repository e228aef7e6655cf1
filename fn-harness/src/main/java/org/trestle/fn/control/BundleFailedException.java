package org.trestle.fn.control;

/** The harness answered an instruction with an error: usually user code that raised. */
public final class BundleFailedException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the harness's error text, unchanged (for Python it holds the traceback)
   */
  public BundleFailedException(String message) {
    super(message);
  }
}
