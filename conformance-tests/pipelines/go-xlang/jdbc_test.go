package pipelines

import (
	"database/sql"
	"fmt"
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/xlang/jdbcio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	_ "github.com/lib/pq"
)

const (
	visits = 500
	// In Go, fields of a struct that may be null are pointers.
	columns = "(id BIGINT PRIMARY KEY, pages INT NOT NULL, seconds DOUBLE PRECISION NOT NULL)"
)

type visit struct {
	ID      int64   `beam:"id"`
	Pages   int32   `beam:"pages"`
	Seconds float64 `beam:"seconds"`
}

func init() {
	beam.RegisterType(reflect.TypeFor[visit]())
}

func allVisits() []visit {
	var all []visit
	for n := range int64(visits) {
		all = append(all, visit{ID: n, Pages: int32(n % 17), Seconds: float64(n) / 4})
	}
	return all
}

func execute(t *testing.T, statement string) *sql.DB {
	t.Helper()
	database, err := sql.Open(
		"postgres", fmt.Sprintf("postgres://%s@%s?sslmode=disable", *postgresqlUser, *postgresql))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	if _, err := database.Exec(statement); err != nil {
		t.Fatal(err)
	}
	return database
}

func jdbcURL() string {
	return "jdbc:postgresql://" + *postgresql
}

func TestJdbcWritesRowsIntoATable(t *testing.T) {
	database := execute(t, "CREATE TABLE written "+columns)
	p, s := beam.NewPipelineWithRoot()
	jdbcio.WriteToPostgres(
		s, "written", jdbcURL(), *postgresqlUser, "", beam.CreateList(s, allVisits()),
		jdbcio.ExpansionAddrWrite(*expansionService))
	ptest.RunAndValidate(t, p)

	rows, err := database.Query("SELECT id, pages, seconds FROM written ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []visit
	for rows.Next() {
		var v visit
		if err := rows.Scan(&v.ID, &v.Pages, &v.Seconds); err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if want := allVisits(); !reflect.DeepEqual(got, want) {
		t.Errorf("the table has %d rows, %v, want %d, %v", len(got), got, len(want), want)
	}
}

func TestJdbcReadsTheRowsOfATable(t *testing.T) {
	execute(t, "CREATE TABLE stored "+columns)
	execute(
		t, fmt.Sprintf(
			"INSERT INTO stored SELECT n, n %% 17, n / 4.0 FROM generate_series(0, %d) AS n", visits-1))
	p, s := beam.NewPipelineWithRoot()
	rows := jdbcio.ReadFromPostgres(
		s, "stored", jdbcURL(), *postgresqlUser, "", reflect.TypeFor[visit](),
		jdbcio.ExpansionAddrRead(*expansionService))
	passert.EqualsList(s, rows, allVisits())
	ptest.RunAndValidate(t, p)
}
