// Command bench measures Rollcall on a control plane of its own, all on loopback: taking documents against a raw create
// of the same objects, and what it costs to bring learners in step. It is what "make bench" starts, from the root of
// the repository.
//
// A machine is never quiet, so everything that is compared takes turns in one run, and what counts are the ratios. A
// goal that is missed is reported and is no error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// options are what the flags say.
type options struct {
	contacts, enrollments, learners     int
	concurrency, rounds, callsPerMinute int
	timeout                             time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.contacts, "contacts", 2000, "how many Contacts are created, and how many new documents are sent")
	flag.IntVar(&o.enrollments, "enrollments", 3, "how many courses each document lists")
	flag.IntVar(&o.learners, "learners", 200, "how many learners, of each kind, are brought in step with the LMS")
	flag.IntVar(&o.concurrency, "concurrency", 16, "how many requests are under way at a time")
	flag.IntVar(&o.rounds, "rounds", 10, "in how many turns each kind of request is measured")
	flag.IntVar(&o.callsPerMinute, "calls-per-minute", 100_000, "the platform's budget; the default is none, to show what the calls by themselves take")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "when to give up")
	flag.Parse()

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

	fmt.Printf("%d contacts with %d enrollments, %d requests at a time, %d rounds; %d CPUs for everything\n",
		o.contacts, o.enrollments, o.concurrency, o.rounds, runtime.NumCPU())
	b := &bench{options: o, cluster: c, program: program, folder: folder}
	if err := b.measureIngest(ctx); err != nil {
		return err
	}
	return b.measureLearners(ctx)
}

// bench is what both parts share.
type bench struct {
	options
	*cluster
	program, folder string
}

func (o options) check() error {
	switch {
	case o.rounds < 1 || o.contacts < o.rounds || o.contacts > 100_000:
		return errors.New("--contacts must be between --rounds and 100000")
	case o.enrollments < 1 || o.enrollments > 100:
		return errors.New("--enrollments must be between 1 and 100")
	case o.learners < 1 || o.learners > 10_000:
		return errors.New("--learners must be between 1 and 10000")
	case o.callsPerMinute < 1 || o.callsPerMinute > 100_000:
		return errors.New("--calls-per-minute must be between 1 and 100000")
	case o.concurrency < 1 || o.concurrency > 1000:
		return errors.New("--concurrency must be between 1 and 1000")
	}
	return nil
}

// progress tells on the terminal how far it is; the results alone go to the standard output.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }
