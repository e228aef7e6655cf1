package org.trestle.engine.core.scale;

import java.util.OptionalDouble;

/**
 * How busy a pool and its machine were since the last look.
 *
 * @param workers how many are connected
 * @param starting how many have not connected yet
 * @param cores of the machine
 * @param idleCores how many of them were idle
 * @param wantedCores how many of them the pool's workers kept busy or waited for, together; empty
 *     if that cannot be seen
 * @param freeBytes memory of the machine that is free
 * @param workerBytes memory of the largest worker; 0 if that cannot be seen
 * @param dataMemoryFull whether nothing is left of the memory for data of jobs
 */
public record PoolLoad(
    int workers,
    int starting,
    int cores,
    double idleCores,
    OptionalDouble wantedCores,
    long freeBytes,
    long workerBytes,
    boolean dataMemoryFull) {}
