package pipelines

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/rtrackers/offsetrange"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
)

const (
	endOfSource = int64(1) << 40
	givesUp     = 25 * time.Second
)

var (
	arrivedCount atomic.Int64
	gaveUp       atomic.Bool
	arrivedOnce  sync.Map
)

func init() {
	register.DoFn3x1[*sdf.LockRTracker, []byte, func(int64), sdf.ProcessContinuation](&endlessFn{})
	register.Function1x0(arrive)
}

// endlessFn claims positions without ever deferring, until twenty of them came out downstream.
type endlessFn struct{}

func (fn *endlessFn) CreateInitialRestriction(_ []byte) offsetrange.Restriction {
	return offsetrange.Restriction{Start: 0, End: endOfSource}
}

func (fn *endlessFn) SplitRestriction(_ []byte, rest offsetrange.Restriction) []offsetrange.Restriction {
	return []offsetrange.Restriction{rest}
}

func (fn *endlessFn) RestrictionSize(_ []byte, rest offsetrange.Restriction) float64 {
	return rest.Size()
}

func (fn *endlessFn) CreateTracker(rest offsetrange.Restriction) *sdf.LockRTracker {
	return sdf.NewLockRTracker(offsetrange.NewTracker(rest))
}

func (fn *endlessFn) ProcessElement(rt *sdf.LockRTracker, _ []byte, emit func(int64)) sdf.ProcessContinuation {
	begin := time.Now()
	position := rt.GetRestriction().(offsetrange.Restriction).Start
	for {
		late := time.Since(begin) > givesUp
		if arrivedCount.Load() >= 20 || late {
			gaveUp.Store(late)
			rt.TryClaim(endOfSource)
			return sdf.StopProcessing()
		}
		if !rt.TryClaim(position) {
			return sdf.StopProcessing()
		}
		emit(position)
		position++
		time.Sleep(10 * time.Millisecond)
	}
}

func arrive(position int64) {
	arrivedOnce.Store(position, true)
	arrivedCount.Add(1)
}

// The runner checkpoints a source that never defers, and no position is lost or read twice.
func TestSourceThatNeverDefersReachesDownstream(t *testing.T) {
	ptest.BuildAndRun(t, func(s beam.Scope) {
		positions := beam.ParDo(s, &endlessFn{}, beam.Impulse(s))
		beam.ParDo0(s, arrive, beam.Reshuffle(s, positions))
	})
	if gaveUp.Load() {
		t.Errorf("nothing came out downstream for %v", givesUp)
	}
	distinct := int64(0)
	arrivedOnce.Range(func(_, _ any) bool { distinct++; return true })
	if got := arrivedCount.Load(); got != distinct {
		t.Errorf("%v elements arrived, %v of them distinct", got, distinct)
	}
	for position := int64(0); position < distinct; position++ {
		if _, found := arrivedOnce.Load(position); !found {
			t.Errorf("position %v is missing of %v", position, distinct)
		}
	}
}
