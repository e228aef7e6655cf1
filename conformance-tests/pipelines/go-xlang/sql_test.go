package pipelines

import (
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/sql"
)

type customer struct {
	ID   int64  `beam:"id"`
	Name string `beam:"name"`
}

type order struct {
	Customer int64 `beam:"customer"`
	Cents    int64 `beam:"cents"`
}

type spent struct {
	Name  string `beam:"name"`
	Cents int64  `beam:"cents"`
}

func init() {
	beam.RegisterType(reflect.TypeFor[customer]())
	beam.RegisterType(reflect.TypeFor[order]())
	beam.RegisterType(reflect.TypeFor[spent]())
}

func TestSqlJoinsTwoInputs(t *testing.T) {
	p, s := beam.NewPipelineWithRoot()
	customers := beam.CreateList(s, []customer{{1, "Ada"}, {2, "Grace"}})
	orders := beam.CreateList(s, []order{{1, 1250}, {2, 399}, {1, 750}, {2, 1}})
	joined := sql.Transform(
		s,
		"SELECT c.name, SUM(o.cents) AS cents FROM customers c JOIN orders o ON c.id = o.customer GROUP BY c.name",
		sql.Input("customers", customers),
		sql.Input("orders", orders),
		sql.OutputType(reflect.TypeFor[spent]()),
		sql.ExpansionAddr(*expansionService))
	passert.EqualsList(s, joined, []spent{{"Ada", 2000}, {"Grace", 400}})
	ptest.RunAndValidate(t, p)
}
