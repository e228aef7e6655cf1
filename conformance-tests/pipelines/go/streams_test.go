package pipelines

import (
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/teststream"
)

func TestSeveralTestStreams(t *testing.T) {
	ptest.BuildAndRun(t, func(s beam.Scope) {
		one := stream(t, s, batch{0, []int64{1, 2}, 10}, batch{10, []int64{3}, 20})
		config := teststream.NewConfig()
		must(t, config.AdvanceWatermark(5_000))
		must(t, config.AddElements(6_000, int64(4)))
		must(t, config.AdvanceWatermarkToInfinity())
		two := teststream.Create(s, config)
		passert.Equals(s, one, int64(1), int64(2), int64(3))
		passert.Equals(s, beam.Flatten(s, one, two), int64(1), int64(2), int64(3), int64(4))
	})
}
