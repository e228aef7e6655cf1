package org.trestle.job.artifact;

/**
 * What a job may stage.
 *
 * @param artifactBytes largest artifact
 * @param totalBytes all artifacts together
 * @param count how many artifacts
 */
public record ArtifactLimits(long artifactBytes, long totalBytes, int count) {}
