// Command demo runs all of Rollcall on this machine: a real control plane, a sandbox LMS and Rollcall itself, all on
// loopback and on free ports. It sends the sample documents, shows what became of them, and keeps everything running
// until Ctrl-C. It is what "make run" starts, from the root of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/internal/testenv/child"
)

func main() {
	becomeCalledProgram()
	// The kernel kills a child when the thread that started it ends: start all from the one that ends last.
	runtime.LockOSThread()
	stopWithMake()

	directory := flag.String("dir", "bin/run", "the folder for logs, keys and the file env; what is in it is replaced")
	flag.Parse()

	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, restore) // a second Ctrl-C ends the demo at once, and the kernel then its children
	ctrl.SetLogger(logr.Discard())  // envtest's; its errors come back as errors

	if err := run(ctx, *directory); err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, directory string) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d, err := newDemo(directory, fail)
	if err != nil {
		return err
	}
	defer d.stop()

	started := time.Now()
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Starting etcd, kube-apiserver and kube-controller-manager", d.startControlPlane},
		{"Starting the sandbox LMS", d.startLMS},
		{"Applying the samples", d.applySamples},
		{"Letting the back office in", d.admitBackOffice},
		{"Starting Rollcall", d.startRollcall},
		{"Sending the sample documents", d.sendDocuments},
		{"Waiting until the LMS is in step", d.waitUntilInStep},
		{"What an operator sees", d.showRecords},
		{"What to try next", d.explain},
	} {
		fmt.Printf("\n==> [%4.1fs] %s\n", time.Since(started).Seconds(), step.title)
		if err := step.do(ctx); err != nil {
			return outcome(ctx, err)
		}
	}
	<-ctx.Done()
	return outcome(ctx, nil)
}

// outcome says what ended the demo: a child that died says more than what failed because of it, and Ctrl-C is no error.
func outcome(ctx context.Context, err error) error {
	if death, ok := errors.AsType[*child.DeathError](context.Cause(ctx)); ok {
		return death
	}
	if ctx.Err() == nil {
		return err
	}
	fmt.Println("\n==> Stopping")
	return nil
}
