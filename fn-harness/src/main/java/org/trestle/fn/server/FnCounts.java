package org.trestle.fn.server;

/**
 * What a server has dropped or refused since it started: numbers that are zero as long as every
 * harness behaves and no bundle is given up.
 *
 * @param ignoredResponses responses to unknown or already answered instructions
 * @param droppedBlocks blocks of elements or timers for unknown, failed or abandoned bundles
 * @param failedStateRequests state requests answered with an error
 * @param refusedCalls calls without the id of a known worker
 */
public record FnCounts(
    long ignoredResponses, long droppedBlocks, long failedStateRequests, long refusedCalls) {}
