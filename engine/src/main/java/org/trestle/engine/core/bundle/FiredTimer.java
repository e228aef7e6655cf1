package org.trestle.engine.core.bundle;

/** A timer whose time has come, as part of a bundle's work. */
public record FiredTimer(TimerKey timer, int keyGroup, TimeDomain domain, long fireAt, long hold) {}
