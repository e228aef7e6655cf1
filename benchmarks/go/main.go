// Workloads for the Go SDK, each the least pipeline that stresses one thing and checks its answer.
// For each it prints a line of JSON: the time from the submission to the end of the job, and the
// processor time of this process meanwhile, which is client and harness in one (LOOPBACK).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

var (
	names = flag.String("workloads", "startup", "Comma-separated names of workloads.")
	scale = flag.Float64("scale", 1, "A factor for all sizes.")
	exact = flag.Int("size", 0, "The size of all workloads, instead of their own.")
	list  = flag.Bool("list", false, "Prints the names of the workloads and ends.")
)

// workload adds its transforms to a pipeline, with a check of their answer.
type workload struct {
	name  string
	size  int
	unit  string
	build func(s beam.Scope, size int)
}

// outcome is a line of output; it has an error or figures.
type outcome struct {
	Workload       string  `json:"workload"`
	Seconds        float64 `json:"seconds,omitempty"`
	WallSeconds    float64 `json:"wall_seconds,omitempty"`
	HarnessSeconds float64 `json:"harness_seconds,omitempty"`
	Size           int     `json:"size,omitempty"`
	Unit           string  `json:"unit,omitempty"`
	Error          string  `json:"error,omitempty"`
}

func run(w workload) outcome {
	size := max(1, int(float64(w.size)**scale))
	if *exact > 0 {
		size = *exact
	}
	p, s := beam.NewPipelineWithRoot()
	w.build(s, size)
	begin, cpu := time.Now(), processorSeconds()
	if err := beamx.Run(context.Background(), p); err != nil {
		return outcome{Workload: w.name, Error: err.Error()}
	}
	seconds := time.Since(begin).Seconds()
	return outcome{
		Workload:       w.name,
		Seconds:        seconds,
		WallSeconds:    seconds,
		HarnessSeconds: processorSeconds() - cpu,
		Size:           size,
		Unit:           w.unit,
	}
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func main() {
	flag.Parse()
	if *list {
		for _, w := range workloads {
			fmt.Println(w.name)
		}
		return
	}
	beam.Init()
	failed := false
	for _, name := range strings.Split(*names, ",") {
		found := outcome{Workload: name, Error: "no workload of that name"}
		for _, w := range workloads {
			if w.name == name {
				found = run(w)
			}
		}
		failed = failed || found.Error != ""
		line, err := json.Marshal(found)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
	if failed {
		os.Exit(1)
	}
}
