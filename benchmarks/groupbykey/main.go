// Command groupbykey groups generated data by key and checks every value that comes out.
//
// One key, the hot one, gets a share of the bytes of its own; the others get the rest evenly. Each
// value holds its number and a pattern made from it. Per key, the values are checked one by one, and
// their count and the sum of their numbers are compared with what they must be.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

var (
	megabytes    = flag.Int64("megabytes", 10240, "bytes of all values, in MiB")
	hotMegabytes = flag.Int64("hot_megabytes", 2048, "bytes of the values of the hot key, in MiB")
	keys         = flag.Int64("keys", 10000, "how many keys there are beside the hot one")
	valueBytes   = flag.Int64("value_bytes", 1000, "how long a value is")
	shards       = flag.Int64("shards", 256, "in how many parts the values are made")
	jobs         = flag.Int("jobs", 1, "how many jobs to run, one after the other")
	steps        = flag.Int("steps", 0, "how many steps that do nothing there are before the values are made")
	text         = flag.Bool("text", false, "values that compress well, instead of random bytes")
)

const hotKey = int64(-1)

func init() {
	register.DoFn2x1[[]byte, func(int64), error](&split{})
	register.DoFn2x1[int64, func(int64, []byte), error](&generate{})
	register.DoFn4x1[context.Context, int64, func(*[]byte) bool, func(int64), error](&check{})
	register.DoFn2x1[[]byte, func(*int64) bool, error](&compare{})
	register.Function2x1(sum)
	register.Function1x1(pass)
	register.Emitter1[int64]()
	register.Emitter2[int64, []byte]()
	register.Iter1[[]byte]()
	register.Iter1[int64]()
	beam.RegisterType(reflect.TypeOf((*data)(nil)).Elem())
}

// data says which values there are: the first HotValues belong to the hot key.
type data struct {
	Values, HotValues, Keys, Bytes, Shards int64
	Text                                   bool
}

func (d data) key(value int64) int64 {
	if value < d.HotValues {
		return hotKey
	}
	return (value - d.HotValues) % d.Keys
}

// expected returns how many values a key has, and the sum of their numbers.
func (d data) expected(key int64) (count, sum int64) {
	if key == hotKey {
		return d.HotValues, d.HotValues * (d.HotValues - 1) / 2
	}
	rest := d.Values - d.HotValues
	count = rest / d.Keys
	if key < rest%d.Keys {
		count++
	}
	return count, count*(d.HotValues+key) + d.Keys*count*(count-1)/2
}

// fill writes a value: its number, then a pattern that depends on it.
func (d data) fill(value int64, into []byte) {
	binary.LittleEndian.PutUint64(into, uint64(value))
	state := uint64(value)*0x9E3779B97F4A7C15 | 1
	at := 8
	for ; at+8 <= len(into); at += 8 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		word := state
		if d.Text {
			word = 0x2020202020202020 | state&0x0F0F
		}
		binary.LittleEndian.PutUint64(into[at:], word)
	}
	for ; at < len(into); at++ {
		into[at] = byte(value)
	}
}

type split struct{ Data data }

func (s *split) ProcessElement(_ []byte, emit func(int64)) error {
	for shard := int64(0); shard < s.Data.Shards; shard++ {
		emit(shard)
	}
	return nil
}

type generate struct{ Data data }

func (g *generate) ProcessElement(shard int64, emit func(int64, []byte)) error {
	buffer := make([]byte, g.Data.Bytes)
	for value := shard; value < g.Data.Values; value += g.Data.Shards {
		g.Data.fill(value, buffer)
		emit(g.Data.key(value), buffer)
	}
	return nil
}

type check struct{ Data data }

func (c *check) ProcessElement(_ context.Context, key int64, values func(*[]byte) bool, emit func(int64)) error {
	wanted := make([]byte, c.Data.Bytes)
	var value []byte
	var count, sum int64
	for values(&value) {
		if int64(len(value)) != c.Data.Bytes {
			return fmt.Errorf("key %d has a value of %d bytes", key, len(value))
		}
		number := int64(binary.LittleEndian.Uint64(value))
		c.Data.fill(number, wanted)
		if number < 0 || number >= c.Data.Values || c.Data.key(number) != key || string(value) != string(wanted) {
			return fmt.Errorf("key %d has a value that is not its own, or damaged: number %d", key, number)
		}
		count++
		sum += number
	}
	wantedCount, wantedSum := c.Data.expected(key)
	if count != wantedCount || sum != wantedSum {
		return fmt.Errorf("key %d has %d values with sum %d, not %d with sum %d",
			key, count, sum, wantedCount, wantedSum)
	}
	emit(1)
	return nil
}

type compare struct{ Keys int64 }

func (c *compare) ProcessElement(_ []byte, seen func(*int64) bool) error {
	var keys, part int64
	for seen(&part) {
		keys += part
	}
	if keys != c.Keys {
		return fmt.Errorf("%d keys came out, not %d", keys, c.Keys)
	}
	return nil
}

func sum(a, b int64) int64 { return a + b }

func pass(shard int64) int64 { return shard }

func main() {
	flag.Parse()
	beam.Init()
	d := data{
		Values:    *megabytes << 20 / *valueBytes,
		HotValues: *hotMegabytes << 20 / *valueBytes,
		Keys:      *keys,
		Bytes:     *valueBytes,
		Shards:    *shards,
		Text:      *text,
	}
	if d.Bytes < 8 || d.HotValues > d.Values {
		log.Fatal("a value needs 8 bytes, and the hot key cannot have more bytes than all keys")
	}
	groups := min(d.Keys, d.Values-d.HotValues)
	if d.HotValues > 0 {
		groups++
	}
	begin := time.Now()
	for range *jobs {
		run(d, groups)
	}
	seconds := time.Since(begin).Seconds()
	size := *megabytes * int64(*jobs)
	fmt.Printf("%d values, %d MiB, %d keys in each of %d jobs, right: %.1f s, %.1f MiB/s\n",
		d.Values, *megabytes, groups, *jobs, seconds, float64(size)/seconds)
}

func run(d data, groups int64) {
	p, s := beam.NewPipelineWithRoot()
	parts := beam.Reshuffle(s, beam.ParDo(s, &split{Data: d}, beam.Impulse(s)))
	for range *steps {
		parts = beam.ParDo(s, pass, parts)
	}
	grouped := beam.GroupByKey(s, beam.ParDo(s, &generate{Data: d}, parts))
	seen := beam.Combine(s, sum, beam.ParDo(s, &check{Data: d}, grouped))
	beam.ParDo0(s, &compare{Keys: groups}, beam.Impulse(s), beam.SideInput{Input: seen})
	if err := beamx.Run(context.Background(), p); err != nil {
		log.Fatalf("not grouped: %v", err)
	}
}
