// Package pipelines runs pipelines of our own with Java's transforms, on the runner that the flags name.
package pipelines

import (
	"flag"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
)

var (
	expansionService = flag.String("expansion_service", "", "address of the expansion service")
	postgresql       = flag.String(
		"postgresql", "", "host, port and database of a PostgreSQL server, as in localhost:5432/test")
	postgresqlUser = flag.String("postgresql_user", "", "who may do all there, without a password")
)

func TestMain(m *testing.M) {
	ptest.Main(m)
}
