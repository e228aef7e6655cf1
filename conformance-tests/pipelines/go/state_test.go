package pipelines

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/periodic"
)

func init() {
	register.Function1x2(withKey)
	register.Function1x1(lengthOf)
	register.Function2x1(add)
	register.DoFn4x0[state.Provider, string, int64, func(string)](&everyStateFn{})
	register.DoFn5x0[beam.EventTime, timers.Provider, string, int64, func(int64)](&eventTimeLoopFn{})
	register.DoFn4x0[state.Provider, timers.Provider, string, int64](&processingTimeLoopFn{})
	register.Emitter1[string]()
	register.Emitter1[int64]()
}

func withKey(n int64) (string, int64) { return "k", n }

func add(a, b int64) int64 { return a + b }

// everyStateFn keeps its input in a cell of each kind, and says before each element what they hold.
type everyStateFn struct {
	Last    state.Value[int64]
	Bag     state.Bag[int64]
	Sum     state.Combining[int64, int64, int64]
	Doubles state.Map[int64, int64]
	Parity  state.Set[int64]
	Ordered state.OrderedList[int64]
}

func (fn *everyStateFn) ProcessElement(p state.Provider, _ string, n int64, emit func(string)) {
	last, _, err := fn.Last.Read(p)
	check(err)
	bag, _, err := fn.Bag.Read(p)
	check(err)
	slices.Sort(bag)
	sum, _, err := fn.Sum.Read(p)
	check(err)
	keys, _, err := fn.Doubles.Keys(p)
	check(err)
	slices.Sort(keys)
	double, found, err := fn.Doubles.Get(p, 3)
	check(err)
	parity, _, err := fn.Parity.Keys(p)
	check(err)
	slices.Sort(parity)
	ordered, _, err := fn.Ordered.Read(p)
	check(err)
	values := []int64{}
	for _, o := range ordered {
		values = append(values, o.Value)
	}
	emit(fmt.Sprint(last, bag, sum, keys, double, found, parity, values))
	check(fn.Last.Write(p, n))
	check(fn.Bag.Add(p, n))
	check(fn.Sum.Add(p, n))
	check(fn.Doubles.Put(p, n, 2*n))
	check(fn.Parity.Add(p, n%2))
	check(fn.Ordered.Add(p, 100-n, n))
	if n == 2 { // Takes back what an earlier bundle wrote.
		check(fn.Doubles.Remove(p, 3))
		check(fn.Parity.Remove(p, 1))
		check(fn.Ordered.ClearRange(p, 99, 100))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Each element in a bundle of its own: what it reads is what earlier bundles committed.
func TestEveryStateOverBundles(t *testing.T) {
	ptest.BuildAndRun(t, func(s beam.Scope) {
		numbers := stream(t, s, batch{0, []int64{3}, 10}, batch{10, []int64{1}, 20},
			batch{20, []int64{2}, 30}, batch{30, []int64{4}, 40})
		seen := beam.ParDo(s, &everyStateFn{
			Last:    state.MakeValueState[int64]("last"),
			Bag:     state.MakeBagState[int64]("bag"),
			Sum:     state.MakeCombiningState[int64, int64, int64]("sum", add),
			Doubles: state.MakeMapState[int64, int64]("doubles"),
			Parity:  state.MakeSetState[int64]("parity"),
			Ordered: state.MakeOrderedListState[int64]("ordered"),
		}, beam.ParDo(s, withKey, numbers))
		passert.Equals(s, seen,
			"0 [] 0 [] 0 false [] []",
			"3 [3] 3 [3] 6 true [1] [3]",
			"1 [1 3] 4 [1 3] 6 true [1] [3 1]",
			"2 [1 2 3] 6 [1 2] 0 false [0] [3 2]")
	})
}

// eventTimeLoopFn fires every ten seconds from its first element on, and stops at forty.
type eventTimeLoopFn struct {
	Tick timers.EventTime
}

func (fn *eventTimeLoopFn) ProcessElement(ts beam.EventTime, p timers.Provider, _ string, _ int64, _ func(int64)) {
	fn.Tick.Set(p, ts.ToTime().Add(10*time.Second))
}

func (fn *eventTimeLoopFn) OnTimer(ctx context.Context, ts beam.EventTime, p timers.Provider, _ string, _ timers.Context, emit func(int64)) {
	emit(mtime.Time(ts).Milliseconds() / 1000)
	if ts.ToTime().Unix() < 40 {
		fn.Tick.Set(p, ts.ToTime().Add(10*time.Second))
	}
}

func TestEventTimeTimerLoops(t *testing.T) {
	ptest.BuildAndRun(t, func(s beam.Scope) {
		numbers := stream(t, s, batch{0, []int64{1}, 25_000})
		ticks := beam.ParDo(s, &eventTimeLoopFn{Tick: timers.InEventTime("tick")},
			beam.ParDo(s, withKey, numbers))
		passert.Equals(s, ticks, int64(10), int64(20), int64(30), int64(40))
	})
}

var processingTimeTicks atomic.Int64

// processingTimeLoopFn fires every 200 ms from its first element on, five times.
type processingTimeLoopFn struct {
	Started state.Value[bool]
	Tick    timers.ProcessingTime
}

func (fn *processingTimeLoopFn) ProcessElement(sp state.Provider, tp timers.Provider, _ string, _ int64) {
	_, started, err := fn.Started.Read(sp)
	check(err)
	if !started {
		check(fn.Started.Write(sp, true))
		fn.Tick.Set(tp, time.Now().Add(200*time.Millisecond))
	}
}

func (fn *processingTimeLoopFn) OnTimer(ctx context.Context, tp timers.Provider, _ string, _ timers.Context) {
	if processingTimeTicks.Add(1) < 5 {
		fn.Tick.Set(tp, time.Now().Add(200*time.Millisecond))
	}
}

func TestProcessingTimeTimerLoops(t *testing.T) {
	begin := time.Now()
	ptest.BuildAndRun(t, func(s beam.Scope) {
		beats := periodic.Impulse(s, begin, begin.Add(4*time.Second), 100*time.Millisecond, false)
		numbers := beam.ParDo(s, lengthOf, beats)
		beam.ParDo0(s, &processingTimeLoopFn{
			Started: state.MakeValueState[bool]("started"),
			Tick:    timers.InProcessingTime("tick"),
		}, beam.ParDo(s, withKey, numbers))
	})
	if got := processingTimeTicks.Load(); got != 5 {
		t.Errorf("fired %v times, want 5", got)
	}
}

func lengthOf(b []byte) int64 { return int64(len(b)) }
