// Package push is the loader: it sends a file of documents through the bulk endpoint of the ingest, and brings every one of
// them to an answer, whatever becomes of the connection, the server or itself on the way.
//
// The code reads in the order of a run: push, input (ndjson, csv), queue, round, client, ledger (records, state), summary.
package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
)

// Options say what to send, and where to.
type Options struct {
	// File is the path of the documents; "-" or "" is Stdin.
	File string
	// Format is NDJSON or CSV. Default: what the name of the file ends with; NDJSON for Stdin.
	Format Format
	// DryRun asks what the documents would change. Nothing is stored, and no file is written.
	DryRun bool
	// Restart forgets where an earlier run of the same file came to.
	Restart bool

	Server

	// Stdin is read if there is no file.
	Stdin io.Reader
	// Output takes the summary, and what a dry run finds.
	Output io.Writer
	// Messages takes the progress.
	Messages io.Writer
	// Terminal says that a person watches Messages.
	Terminal bool

	// Clock is the real one by default.
	Clock clock.WithTickerAndDelayedExecution
	// Backoff is how long to wait after each of several tries that came to nothing; when its steps are used up the run gives
	// up. Default: from a second to half a minute, for about three minutes.
	Backoff *wait.Backoff
}

// defaultBackoff outlasts a restart of Rollcall or of the API server.
var defaultBackoff = wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.2, Steps: 10}

// longestPause is the longest wait between two tries, whatever the server asks for.
const longestPause = 30 * time.Second

// Run pushes the documents. Its errors are failures, and have an exit code.
func Run(ctx context.Context, options Options) error {
	options.Clock = cmp.Or[clock.WithTickerAndDelayedExecution](options.Clock, clock.RealClock{})
	if options.Backoff == nil {
		options.Backoff = &defaultBackoff
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := newClient(&options)
	if err != nil {
		return Usage(err)
	}
	input, err := openInput(ctx, &options)
	if err != nil {
		return notBegun(ctx, err)
	}
	defer input.close()
	found, err := input.survey(ctx)
	if err != nil {
		return notBegun(ctx, fmt.Errorf("%s: %w", input.name, err))
	}

	progress := newMeter(&options)
	ledger, err := openLedger(&options, input, found, client.target, progress)
	if err != nil {
		return Usage(err)
	}
	defer client.http.CloseIdleConnections()
	p := &pusher{
		client:   client,
		ledger:   ledger,
		queue:    newQueue(ctx, input, found, ledger),
		progress: progress,
		clock:    options.Clock,
		backoff:  *options.Backoff,
	}
	begun, started := ledger.done(), options.Clock.Now()
	progress.start(found.documents, begun)
	err = ledger.close(p.push(ctx))
	progress.end()
	if err := ledger.summarize(options.Output, options.Clock.Since(started), ledger.done()-begun); err != nil {
		progress.note("the summary cannot be written: " + err.Error()) // this changes nothing about the documents
	}
	switch refused, all := ledger.state.Tally.Refused, ledger.done(); {
	case err != nil && input.named && !options.DryRun:
		return unfinished(err.Error() + "; the same command goes on where this run ended")
	case err != nil:
		return unfinished(err.Error())
	case refused > 0:
		return &Failure{Code: CodeRefused, message: fmt.Sprintf("%d of %d documents were refused", refused, all)}
	default:
		return nil
	}
}

// pusher sends what is in the queue, request by request, until all of it is answered.
type pusher struct {
	client   *client
	ledger   *ledger
	queue    *queue
	progress *meter
	clock    clock.WithTickerAndDelayedExecution
	backoff  wait.Backoff
}

// push returns without an error when every document has its answer.
func (p *pusher) push(ctx context.Context) error {
	patience := p.backoff
	for {
		before := p.ledger.done()
		err := p.round(ctx)
		var later *laterError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return errInterrupted
		case err == nil:
			continue
		case !errors.As(err, &later):
			return err
		}
		if p.ledger.done() > before {
			patience = p.backoff // it moves
		}
		if patience.Steps == 0 {
			return fmt.Errorf("gave up after %d tries: %w", p.backoff.Steps+1, err)
		}
		pause := min(max(patience.Step(), later.after), longestPause)
		p.progress.note(fmt.Sprintf("%v; trying again in %s", err, pause.Round(time.Millisecond)))
		select {
		case <-p.clock.After(pause):
		case <-ctx.Done():
			return errInterrupted
		}
	}
}

var errInterrupted = errors.New("interrupted")

// The exit codes of the loader besides 0, which says that every document is stored.
const (
	CodeRefused    = 1 // all are answered, and some were refused
	CodeUsage      = 2 // the command, its input or its folder is wrong; nothing was sent
	CodeUnfinished = 3 // some documents have no answer yet
)

// Failure is how a run ended that did not store every document.
type Failure struct {
	// Code is one of CodeRefused, CodeUsage and CodeUnfinished.
	Code    int
	message string
}

// Error says what happened, for a person.
func (f *Failure) Error() string { return f.message }

// Usage makes an error a failure of the command line.
func Usage(err error) error { return &Failure{Code: CodeUsage, message: err.Error()} }

// notBegun is the failure of a run that sent nothing.
func notBegun(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return unfinished("interrupted before anything was sent")
	}
	return Usage(err)
}

func unfinished(message string) error { return &Failure{Code: CodeUnfinished, message: message} }
