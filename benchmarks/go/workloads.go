package main

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/stats"
)

const (
	chunk      = 1000
	valueBytes = 100
	entries    = 20_000
)

var workloads = []workload{
	{"startup", 1, "elements", startup},
	{"wordcount", 1_000_000, "words", wordcount},
	{"gbk", 500_000, "elements", groupByKey},
	{"passthrough", 1_000_000, "elements", passthrough},
	{"hotkey", 2_000_000, "elements", hotkey},
	{"sideinput", 20_000, "elements", sideinput},
	{"stateful", 20_000, "elements", stateful},
	{"manykeys", 100_000, "keys", manyKeys},
}

func init() {
	register.Function1x1(increment)
	register.Function2x0(numbers)
	register.Function2x0(words)
	register.Function2x0(values)
	register.Function2x0(skewed)
	register.Function2x0(thousandKeys)
	register.Function2x0(otherKeys)
	register.Function2x1(sizeOfAll)
	register.Function2x1(add)
	register.Function2x1(count)
	register.Function1x2(entry)
	register.DoFn2x1[int, func(int) func(*int) bool, int](&lookUp{})
	register.DoFn5x0[state.Provider, timers.Provider, string, int, func(int)](&sumPerKey{})
	register.Emitter1[int]()
	register.Emitter1[string]()
	register.Emitter2[int, []byte]()
	register.Emitter2[string, int]()
	register.Iter1[[]byte]()
	register.Iter1[int]()
}

func increment(n int) int { return n + 1 }

func add(a, b int) int { return a + b }

// spread makes as many small seeds as there are chunks, so that elements are made in the harness.
func spread(s beam.Scope, size int) (beam.PCollection, int) {
	seeds := make([]int, max(1, size/chunk))
	for i := range seeds {
		seeds[i] = i
	}
	return beam.Reshuffle(s, beam.CreateList(s, seeds)), len(seeds) * chunk
}

func startup(s beam.Scope, size int) {
	passert.Sum(s, beam.ParDo(s, increment, beam.CreateList(s, make([]int, size))), "one", size, size)
}

func words(seed int, emit func(string)) {
	for n := seed * chunk; n < (seed+1)*chunk; n++ {
		emit(fmt.Sprintf("word%d", n*7919%4000))
	}
}

func count(_ string, n int) int { return n }

func wordcount(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	counts := beam.ParDo(s, count, stats.Count(s, beam.ParDo(s, words, seeds)))
	passert.Equals(s, stats.Sum(s, counts), total)
}

func values(seed int, emit func(int, []byte)) {
	value := make([]byte, valueBytes)
	for n := seed * chunk; n < (seed+1)*chunk; n++ {
		emit(n*7919%entries, value)
	}
}

func sizeOfAll(_ int, values func(*[]byte) bool) int {
	size := 0
	var value []byte
	for values(&value) {
		size += len(value)
	}
	return size
}

func groupByKey(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	sizes := beam.ParDo(s, sizeOfAll, beam.GroupByKey(s, beam.ParDo(s, values, seeds)))
	passert.Equals(s, stats.Sum(s, sizes), total*valueBytes)
}

func numbers(seed int, emit func(int)) {
	for n := seed * chunk; n < (seed+1)*chunk; n++ {
		emit(n)
	}
}

func passthrough(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	elements := beam.ParDo(s, numbers, seeds)
	for range 3 {
		elements = beam.Reshuffle(s, elements)
	}
	passert.Equals(s, stats.Sum(s, elements), total*(total-1)/2)
}

func skewed(seed int, emit func(string, int)) {
	for n := range chunk {
		if n%10 == 0 {
			emit(fmt.Sprintf("cold%d", n%200), 1)
		} else {
			emit("hot", 1)
		}
	}
}

func hotkey(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	sums := beam.CombinePerKey(s, add, beam.ParDo(s, skewed, seeds))
	passert.Equals(s, stats.Sum(s, beam.DropKey(s, sums)), total)
}

func entry(n int) (int, int) { return n, 1 }

// lookUp reads the entry of an element from a map side input.
type lookUp struct{}

func (*lookUp) ProcessElement(n int, table func(int) func(*int) bool) int {
	found := 0
	if !table(n % entries)(&found) {
		panic(fmt.Sprintf("wrong answer: no entry %d", n%entries))
	}
	return found
}

func sideinput(s beam.Scope, size int) {
	keys := make([]int, entries)
	for i := range keys {
		keys[i] = i
	}
	table := beam.ParDo(s, entry, beam.CreateList(s, keys))
	seeds, total := spread(s, size)
	found := beam.ParDo(
		s, &lookUp{}, beam.ParDo(s, numbers, seeds), beam.SideInput{Input: table})
	passert.Equals(s, stats.Sum(s, found), total)
}

func thousandKeys(seed int, emit func(string, int)) {
	for n := range chunk {
		emit(fmt.Sprintf("key%d", n), 1)
	}
}

// sumPerKey adds up in state, and gives it out when a timer fires at the end of input.
type sumPerKey struct {
	Total state.Combining[int, int, int]
	End   timers.EventTime
}

func newSumPerKey() *sumPerKey {
	return &sumPerKey{
		Total: state.MakeCombiningState[int, int, int]("total", add),
		End:   timers.InEventTime("end"),
	}
}

func (fn *sumPerKey) ProcessElement(p state.Provider, t timers.Provider, _ string, n int, _ func(int)) {
	if err := fn.Total.Add(p, n); err != nil {
		panic(err)
	}
	fn.End.Set(t, mtime.EndOfGlobalWindowTime.ToTime())
}

func (fn *sumPerKey) OnTimer(
	_ context.Context, _ beam.EventTime, p state.Provider, _ timers.Provider, _ string, _ timers.Context,
	emit func(int),
) {
	total, _, err := fn.Total.Read(p)
	if err != nil {
		panic(err)
	}
	emit(total)
}

func stateful(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	sums := beam.ParDo(s, newSumPerKey(), beam.ParDo(s, thousandKeys, seeds))
	passert.Equals(s, stats.Sum(s, sums), total)
}

func otherKeys(seed int, emit func(string, int)) {
	for n := range chunk {
		emit(fmt.Sprintf("key%d", seed*chunk+n), 1)
	}
}

// manyKeys has state and a timer for each element's own key.
func manyKeys(s beam.Scope, size int) {
	seeds, total := spread(s, size)
	sums := beam.ParDo(s, newSumPerKey(), beam.ParDo(s, otherKeys, seeds))
	passert.Equals(s, stats.Sum(s, sums), total)
}
