// Command bench measures Rollcall on a control plane of its own, all on loopback: taking documents against raw writes of
// the same objects, while more and more Contacts are stored, and what it costs to bring learners in step. It is what
// "make bench" starts, from the root of the repository.
//
// A machine is never quiet, so everything that is compared takes turns in one run, and what counts are the ratios. A
// goal that is missed is reported and is no error.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"
)

// options are what the flags say.
type options struct {
	contacts, clients                     []int
	requests, rounds                      int
	enrollments, learners, callsPerMinute int
	newcomers                             int
	report, date                          string
	timeout                               time.Duration
}

func main() {
	var o options
	flags := pflag.NewFlagSet("bench", pflag.ExitOnError)
	flags.SortFlags = false
	flags.IntSliceVar(&o.contacts, "contacts", []int{1000, 20_000, 100_000}, "how many Contacts are stored when it is measured")
	flags.IntSliceVar(&o.clients, "clients", []int{1, 8, 32, 128}, "how many requests are under way at a time")
	flags.IntVar(&o.requests, "requests", 200, "how many requests a turn makes; each client makes three at least")
	flags.IntVar(&o.rounds, "rounds", 5, "in how many turns each kind of request is measured")
	flags.IntVar(&o.enrollments, "enrollments", 3, "how many courses each document lists")
	flags.IntVar(&o.learners, "learners", 200, "how many learners, of each kind, are brought in step with the LMS")
	flags.IntVar(&o.callsPerMinute, "calls-per-minute", 100_000, "the platform's budget; the default is none, to show what the calls by themselves take")
	flags.IntVar(&o.newcomers, "newcomers", 1000, "how many new learners are brought in step by each route to an LMS with the costs of a real one")
	flags.BoolFunc("quick", "four minutes instead of 35: fewer contacts, clients, rounds and learners; flags that follow go before it", func(string) error {
		o.contacts, o.clients, o.rounds, o.learners, o.newcomers = []int{500, 2000}, []int{1, 32}, 2, 50, 100
		return nil
	})
	flags.StringVar(&o.report, "report", filepath.Join("bin", "bench", "report.html"), "where the report with the curves goes")
	flags.StringVar(&o.date, "date", "", "the day that the report states")
	flags.DurationVar(&o.timeout, "timeout", time.Hour, "when to give up")
	_ = flags.Parse(os.Args[1:]) // an error ends the process

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(logr.Discard()) // envtest's; its errors come back as errors
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // what stop undoes ends with the process
	}
}

func run(ctx context.Context, o options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	folder, err := os.MkdirTemp("", "rollcall-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	progress("Building rollcall")
	program := filepath.Join(folder, "rollcall")
	if err := build(ctx, program); err != nil {
		return err
	}
	progress("Starting etcd and kube-apiserver")
	c, err := startCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()

	b := &bench{options: o, cluster: c, program: program, folder: folder}
	site, err := b.newSite(ctx, documentNamespace)
	if err != nil {
		return err
	}
	fmt.Println(o.facts())
	ingested, err := b.measureIngest(ctx, site)
	if err != nil {
		return err
	}
	sections := ingested.sections()
	for _, s := range sections {
		s.print() // at once: what is measured is not lost if the rest fails
	}
	for _, measure := range []func(context.Context) (section, error){
		func(ctx context.Context) (section, error) { return b.measurePages(ctx, site) }, b.measureLearners, b.measureCalls,
	} {
		s, err := measure(ctx)
		if err != nil {
			return err
		}
		s.print()
		sections = append(sections, s)
	}
	progress("The report with the curves is %s", o.report)
	return writePage(o.report, o.facts(), sections)
}

// bench is what both parts share.
type bench struct {
	options
	*cluster
	program, folder string
}

func (o options) check() error {
	outside := func(values []int, least, most int) bool {
		return len(values) == 0 || slices.Min(values) < least || slices.Max(values) > most || !slices.IsSorted(values)
	}
	switch {
	case outside(o.contacts, 100, 1_000_000):
		return errors.New("--contacts must be numbers from 100 to 1000000, the least first")
	case outside(o.clients, 1, 1000):
		return errors.New("--clients must be numbers from 1 to 1000, the least first")
	case o.requests < 1 || o.rounds < 1:
		return errors.New("--requests and --rounds must be at least 1")
	case o.enrollments < 1 || o.enrollments > 100:
		return errors.New("--enrollments must be between 1 and 100")
	case o.learners < 1 || o.learners > 10_000:
		return errors.New("--learners must be between 1 and 10000")
	case o.newcomers < 1 || o.newcomers > 10_000:
		return errors.New("--newcomers must be between 1 and 10000")
	case o.callsPerMinute < 1 || o.callsPerMinute > 100_000:
		return errors.New("--calls-per-minute must be between 1 and 100000")
	}
	return nil
}

// facts are what a reader has to know of the run.
func (o options) facts() string {
	return fmt.Sprintf("%s %d CPUs for everything, %s %s/%s; %d enrollments a document, %d rounds of at least %d requests",
		o.date, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, o.enrollments, o.rounds, o.requests)
}

// progress tells on the terminal how far it is; the results alone go to the standard output.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }
