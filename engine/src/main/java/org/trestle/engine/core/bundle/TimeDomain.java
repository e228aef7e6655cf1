package org.trestle.engine.core.bundle;

/** The clock a timer waits for. */
public enum TimeDomain {
  EVENT_TIME,
  PROCESSING_TIME
}
