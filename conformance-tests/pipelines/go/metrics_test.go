package pipelines

import (
	"context"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
)

var (
	counted     = beam.NewCounter("conformance", "counter")
	distributed = beam.NewDistribution("conformance", "distribution")
	gauged      = beam.NewGauge("conformance", "gauge")
)

func init() { register.Function2x1(measure) }

func measure(ctx context.Context, n int64) int64 {
	counted.Inc(ctx, n)
	distributed.Update(ctx, n)
	gauged.Set(ctx, 7)
	return n
}

func TestMetricsAreAttemptedAndCommitted(t *testing.T) {
	result := ptest.BuildAndRun(t, func(s beam.Scope) {
		numbers := beam.Create(s, int64(1), int64(2), int64(3), int64(4))
		beam.ParDo(s, measure, beam.Reshuffle(s, numbers))
	})
	ours := result.Metrics().Query(func(r metrics.SingleResult) bool {
		return r.Namespace() == "conformance"
	})
	if cs := ours.Counters(); len(cs) != 1 || cs[0].Attempted != 10 || cs[0].Committed != 10 {
		t.Errorf("counter: %v, want 10", cs)
	}
	want := metrics.DistributionValue{Count: 4, Sum: 10, Min: 1, Max: 4}
	if ds := ours.Distributions(); len(ds) != 1 || ds[0].Attempted != want || ds[0].Committed != want {
		t.Errorf("distribution: %v, want %v", ds, want)
	}
	if gs := ours.Gauges(); len(gs) != 1 || gs[0].Attempted.Value != 7 || gs[0].Committed.Value != 7 {
		t.Errorf("gauge: %v, want 7", gs)
	}
}
