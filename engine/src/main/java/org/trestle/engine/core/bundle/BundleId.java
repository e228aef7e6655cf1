package org.trestle.engine.core.bundle;

/** Numbers the bundles of a job; an attempt to run the same work again is a new bundle. */
public record BundleId(long value) {
  @Override
  public String toString() {
    return "bundle-" + value;
  }
}
