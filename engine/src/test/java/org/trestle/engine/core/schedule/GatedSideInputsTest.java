package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.port.SideInputGate;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

/** Stages whose side inputs come by window. */
class GatedSideInputsTest {
  private static final SchedulingPolicy STREAMING =
      new SchedulingPolicy(3, 100, 1 << 20, 100, 1 << 20, 100, 2, 1000, 2000, true);

  /** Opens for blocks of an earlier time than the side input, or of times it is given. */
  private static final class TestingGate implements SideInputGate {
    final Set<Long> opened = new TreeSet<>();
    long sideInput = EventTime.MIN;
    long stage = EventTime.MIN;
    boolean asking;

    @Override
    public boolean isReady(ElementBlock block) {
      return block.minTimestamp() < sideInput || opened.contains(block.minTimestamp());
    }

    @Override
    public void sideInputAdvanced(int index, long watermark) {
      assertThat(index).isZero();
      sideInput = watermark;
    }

    @Override
    public void stageAdvanced(long watermark) {
      stage = watermark;
    }

    @Override
    public boolean isAsking() {
      return asking;
    }

    @Override
    public String describe(ElementBlock block) {
      return "window " + block.minTimestamp();
    }
  }

  private final TestingGate gate = new TestingGate();

  private StageSpec gated(boolean keyed, String inputs, String side, String outputs) {
    return new StageSpec(
        new StageId("join"),
        CoreDriver.POOL,
        keyed,
        false,
        CoreDriver.edges(inputs),
        CoreDriver.edges(side),
        CoreDriver.edges(outputs),
        gate);
  }

  /** A stage makes side elements; another one reads main elements that are there already. */
  private CoreDriver driver(EdgeOutput main) {
    return new CoreDriver(
        STREAMING,
        List.of(
            map("side", "slow", "facts"),
            gated(!main.keyed().isEmpty(), main.edge().value(), "facts", "joined")),
        on("slow", TestBlock.at(10, 1), TestBlock.at(20, 2), TestBlock.at(30, 3)),
        main);
  }

  @Test
  void elementsWaitForTheirWindow() {
    CoreDriver driver =
        driver(on("main", TestBlock.at(15, 7), TestBlock.at(25, 8), TestBlock.at(12, 9)));
    driver.start(2);
    BundleWork side = driver.bundle();
    assertThat(side.stage()).isEqualTo(new StageId("side"));
    assertThat(driver.snapshot("join").pendingElements()).isEqualTo(3);
    assertThat(driver.snapshot("join").inputWatermark()).isEqualTo(12);
    assertThat(driver.core.dump())
        .contains("blocks that wait for side inputs 3")
        .contains("waits for window 15")
        .contains("waits for window 25");

    driver.commit(side);
    BundleWork joined = driver.bundle();
    assertThat(TestBlock.values(joined.elements())).containsExactly(7L, 8L, 9L);
    driver.commit(joined);
    assertThat(driver.end().outcome()).isEqualTo(Action.Outcome.DONE);
    assertThat(gate.stage).isEqualTo(EventTime.MAX);
  }

  @Test
  void theWatermarkOfASideInputOpensWindowAfterWindow() {
    CoreDriver driver =
        new CoreDriver(
            new SchedulingPolicy(3, 1, 1, 1, 1 << 20, 1, 2, 1000, 2000, true),
            List.of(map("side", "slow", "facts"), gated(false, "main", "facts", "joined")),
            on("slow", TestBlock.at(10, 1), TestBlock.at(20, 2), TestBlock.at(30, 3)),
            on("main", TestBlock.at(25, 8), TestBlock.at(15, 7)));
    driver.start(1);
    driver.commit(driver.bundle());
    assertThat(gate.sideInput).isEqualTo(20);
    // What is last in the plan goes first.
    BundleWork first = driver.bundle();
    assertThat(TestBlock.values(first.elements())).containsExactly(7L);
    assertThat(gate.stage).isEqualTo(15);
    driver.commit(first);
    assertThat(gate.stage).isEqualTo(25);
    assertThat(driver.bundle().stage()).isEqualTo(new StageId("side"));
  }

  @Test
  void elementsOfASideInputOpenItToo() {
    CoreDriver driver =
        new CoreDriver(
            new SchedulingPolicy(3, 1, 1, 1, 1 << 20, 1, 2, 1000, 2000, true),
            List.of(map("side", "slow", "facts"), gated(false, "main", "facts", "joined")),
            on("slow", TestBlock.at(10, 1), TestBlock.at(20, 2), TestBlock.at(30, 3)),
            on("main", TestBlock.at(500, 7), TestBlock.at(400, 8)));
    driver.start(1);
    BundleWork side = driver.bundle();
    gate.opened.add(400L);
    driver.commit(side, on("facts", TestBlock.at(400, 1)));
    assertThat(TestBlock.values(driver.bundle().elements())).containsExactly(8L);
  }

  @Test
  void laterBlocksOfAKeyGroupGoFirstIfTheyAreReady() {
    gate.opened.add(400L);
    CoreDriver driver =
        driver(keyedOn("main", group(1, TestBlock.at(500, 7)), group(1, TestBlock.at(400, 8))));
    driver.start(2);
    List<BundleWork> bundles = driver.bundles();
    assertThat(bundles).hasSize(2);
    // What is last in the plan goes first.
    BundleWork join = bundles.get(0);
    BundleWork side = bundles.get(1);
    assertThat(join.stage()).isEqualTo(new StageId("join"));
    assertThat(TestBlock.values(join.elements())).containsExactly(8L);
    driver.commit(side);
    assertThat(driver.bundles()).as("the key group is leased").isEmpty();
    driver.commit(join);
    assertThat(TestBlock.values(driver.bundle().elements())).containsExactly(7L);
  }

  @Test
  void failedWorkRunsAgainWithoutWaiting() {
    gate.opened.add(400L);
    CoreDriver driver = driver(on("main", TestBlock.at(400, 8)));
    driver.start(1);
    BundleWork join = driver.bundle();
    gate.opened.clear();
    driver.fail(join, "died");
    assertThat(driver.bundle().attempt()).isEqualTo(2);
  }

  @Test
  void aGateThatAsksIsWaitedFor() {
    gate.asking = true;
    gate.sideInput = EventTime.MIN;
    CoreDriver driver =
        new CoreDriver(
            STREAMING,
            List.of(gated(false, "main", "", "joined")),
            on("main", TestBlock.at(400, 8)));
    driver.start(1);
    assertThat(driver.bundles()).isEmpty();
    assertThat(driver.core.isEnded()).isFalse();
    driver.core.gateMoved(new StageId("join"));
    assertThat(driver.bundles()).as("still closed").isEmpty();
    gate.asking = false;
    gate.opened.add(400L);
    driver.core.gateMoved(new StageId("join"));
    driver.commit(driver.bundle());
    assertThat(driver.end().outcome()).isEqualTo(Action.Outcome.DONE);
  }

  @Test
  void aGateThatStaysClosedIsReported() {
    StageSpec never =
        new StageSpec(
            new StageId("join"),
            CoreDriver.POOL,
            false,
            false,
            CoreDriver.edges("main"),
            CoreDriver.edges("facts"),
            List.of(),
            new SideInputGate() {
              @Override
              public boolean isReady(ElementBlock block) {
                return false;
              }

              @Override
              public void sideInputAdvanced(int sideInput, long watermark) {}

              @Override
              public void stageAdvanced(long watermark) {}

              @Override
              public String describe(ElementBlock block) {
                return "side input \"facts\", window 0x01";
              }
            });
    CoreDriver driver = new CoreDriver(STREAMING, List.of(never), on("main", TestBlock.at(1, 1)));
    driver.start(1);
    Action.JobEnded end = driver.end();
    assertThat(end.outcome()).isEqualTo(Action.Outcome.FAILED);
    assertThat(end.message()).contains("waits for side input \"facts\", window 0x01");
  }
}
