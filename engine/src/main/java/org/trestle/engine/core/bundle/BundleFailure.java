package org.trestle.engine.core.bundle;

/**
 * A bundle that left no trace.
 *
 * @param retryable whether running the same work again can help
 * @param message for people; for user code, the SDK's own error text
 */
public record BundleFailure(BundleId id, boolean retryable, String message) {}
