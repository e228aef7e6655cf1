package pipelines

import (
	"fmt"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
)

const (
	largeValues     = 24_000
	largeValueBytes = 1000
)

func init() {
	register.Function2x0(largeGroup)
	register.Function2x2(sizes)
	register.Emitter2[string, []byte]()
	register.Iter1[[]byte]()
}

// largeGroup makes a key with more values than fit into one element, and a small one.
func largeGroup(_ []byte, emit func(string, []byte)) {
	for i := range largeValues {
		value := make([]byte, largeValueBytes)
		copy(value, fmt.Sprintf("%06d", i))
		emit("large", value)
	}
	emit("small", []byte("000007"))
}

// sizes returns how many values a key has, and what their numbers have for a sum.
func sizes(key string, values func(*[]byte) bool) (string, error) {
	var value []byte
	count, sum := 0, 0
	for values(&value) {
		var number int
		if _, err := fmt.Sscanf(string(value[:6]), "%d", &number); err != nil {
			return "", err
		}
		count++
		sum += number
	}
	return fmt.Sprintf("%s: %d values, %d", key, count, sum), nil
}

// TestLargeGroup groups more values than an element holds: workers read them page by page.
func TestLargeGroup(t *testing.T) {
	p, s := beam.NewPipelineWithRoot()
	grouped := beam.GroupByKey(s, beam.ParDo(s, largeGroup, beam.Impulse(s)))
	passert.Equals(s, beam.ParDo(s, sizes, grouped),
		fmt.Sprintf("large: %d values, %d", largeValues, largeValues*(largeValues-1)/2),
		"small: 1 values, 7")
	ptest.RunAndValidate(t, p)
}
