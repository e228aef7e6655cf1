package org.trestle.fn.control;

/**
 * A harness the server knows: connected, or expected to.
 *
 * @param workerId its unguessable id
 * @param spec what it may know and do
 */
public record WorkerIdentity(String workerId, WorkerSpec spec) {}
