package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.BundleId;

/** A bundle that runs, and when it may be asked for a part of its work. */
final class InFlight {
  private final BundleId id;
  private final StageState stage;
  private final long startedAt;
  private final long overdueFrom;
  private BundleDraft draft;
  private boolean asked;
  private boolean ending;
  private long askFrom;

  /** A bundle that starts now. */
  InFlight(BundleId id, StageState stage, BundleDraft draft, long now, SchedulingPolicy policy) {
    this.id = id;
    this.stage = stage;
    this.draft = draft;
    this.startedAt = now;
    this.askFrom = now + policy.splitAfterMillis();
    this.overdueFrom = now + policy.commitAfterMillis();
  }

  BundleId id() {
    return id;
  }

  StageState stage() {
    return stage;
  }

  BundleDraft draft() {
    return draft;
  }

  void replaceDraft(BundleDraft smaller) {
    draft = smaller;
  }

  long startedAt() {
    return startedAt;
  }

  /** When the bundle may be asked next; {@link Long#MAX_VALUE} if it cannot be. */
  long askFrom() {
    return asked || ending || stage.spec().keyed() ? Long.MAX_VALUE : askFrom;
  }

  /** When the bundle should be asked to end; {@link Long#MAX_VALUE} if it cannot be. */
  long endFrom() {
    return askFrom() == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(askFrom, overdueFrom);
  }

  /** The bundle has done its work, and has nothing to give any more. */
  void markEnding() {
    ending = true;
  }

  boolean isEnding() {
    return ending;
  }

  void ask() {
    asked = true;
  }

  boolean isAsked() {
    return asked;
  }

  /** The bundle has given a part of its work; it can be asked for more at once. */
  void gave(long now) {
    asked = false;
    askFrom = now;
  }

  /** The bundle had nothing to give: the longer it runs, the later it is asked again. */
  void refused(long now, long askAfterMillis) {
    asked = false;
    askFrom = now + Math.max(askAfterMillis, now - startedAt);
  }
}
