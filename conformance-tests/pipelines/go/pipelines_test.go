// Package pipelines runs pipelines of our own on the runner that the flags name.
//
// With LOOPBACK, workers are in this process: a DoFn and the test see the same variables.
package pipelines

import (
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/teststream"
)

func TestMain(m *testing.M) {
	ptest.Main(m)
}

// must fails the test for an error that a pipeline under construction met.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// batch is what a stream of int64s holds at one timestamp, and how far its watermark goes after it.
type batch struct {
	at        int64
	elements  []int64
	watermark int64
}

// stream returns a TestStream of int64s that ends after the batches.
func stream(t *testing.T, s beam.Scope, batches ...batch) beam.PCollection {
	t.Helper()
	config := teststream.NewConfig()
	for _, b := range batches {
		must(t, config.AddElementList(b.at, b.elements))
		must(t, config.AdvanceWatermark(b.watermark))
	}
	must(t, config.AdvanceWatermarkToInfinity())
	return teststream.Create(s, config)
}
