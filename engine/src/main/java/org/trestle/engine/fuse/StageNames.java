package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.graph.TransformNode;

/** Names stages for people. */
final class StageNames {
  private StageNames() {}

  /**
   * Names a stage after its transforms: the only one, the composite that holds them all, or the
   * first and the last.
   */
  static String of(List<TransformNode> transforms) {
    if (transforms.isEmpty()) {
      return "";
    }
    String first = transforms.get(0).name();
    if (transforms.size() == 1) {
      return first;
    }
    List<String> common = new ArrayList<>(steps(first));
    for (TransformNode transform : transforms) {
      List<String> steps = steps(transform.name());
      int same = 0;
      while (same < common.size()
          && same < steps.size()
          && common.get(same).equals(steps.get(same))) {
        same++;
      }
      common.subList(same, common.size()).clear();
    }
    String last = transforms.get(transforms.size() - 1).name();
    return common.isEmpty()
        ? steps(first).get(0) + " ... " + steps(last).get(0)
        : String.join("/", common);
  }

  /** Cuts a name at its slashes, but not at those in parentheses. */
  private static List<String> steps(String name) {
    List<String> steps = new ArrayList<>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '(') {
        depth++;
      } else if (c == ')') {
        depth--;
      } else if (c == '/' && depth == 0) {
        steps.add(name.substring(start, i));
        start = i + 1;
      }
    }
    steps.add(name.substring(start));
    return steps;
  }
}
