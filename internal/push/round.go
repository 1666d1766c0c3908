package push

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// window is how many documents may be on their way without an answer. They are what the memory holds.
	window = 256
	// requestBytes ends a request, so that the next one can go to another replica, and stays under every server's limit.
	requestBytes = 16 << 20
	// quiet is how long a request waits for the next document of a slow pipe. It ends before the server would end it.
	quiet = 2 * time.Second
	// silence is how long no answer may come before the connection counts as lost.
	silence = time.Minute
	// attempts is how often a document is sent on which the server fails, while it does not on others.
	attempts = 3
)

// laterError is something that passes: what is not answered is sent again, after a while.
type laterError struct {
	reason string
	// after is the least time to wait, as the server says.
	after time.Duration
}

// Error says what is waited for.
func (e *laterError) Error() string { return e.reason }

// round sends documents in one request and settles those that are answered; the others go back to the queue, in their order.
// The error is io.EOF when there was nothing left to send, and a laterError when it is worth another try.
func (p *pusher) round(ctx context.Context) error {
	first, err := p.queue.next(ctx, func() error { return nil })
	if err != nil {
		return err
	}
	request, cancel := context.WithCancelCause(ctx)
	writing, stop := context.WithCancel(request)
	r := &round{
		pusher: p,
		sent:   make(chan *document, window),
		stop:   stop,
		alarm:  func() { cancel(errSilent) },
		waits:  map[string]bool{},
	}
	body, pipe := io.Pipe()
	var unsent []*document
	var writer sync.WaitGroup
	writer.Go(func() {
		defer close(r.sent)
		unsent = r.write(writing, pipe, first)
	})
	err = r.read(request, body)
	stop()
	cancel(nil)
	_ = body.Close() // wakes the writer
	writer.Wait()

	var unanswered []*document
	for document := range r.sent {
		unanswered = append(unanswered, document)
	}
	p.queue.again = slices.Concat(r.again, unanswered, unsent, p.queue.again)
	switch {
	case err != nil:
		return err
	case len(unanswered) > 0:
		return &laterError{reason: "the server ended the request early", after: r.after}
	case len(r.again) > 0:
		return &laterError{reason: fmt.Sprintf("%d documents could not be stored yet (%s)", len(r.again), r.reason), after: r.after}
	default:
		return nil
	}
}

var errSilent = errors.New("no answer came for " + silence.String())

// round is one request.
type round struct {
	*pusher
	// sent has the documents without an answer, in their order.
	sent chan *document
	// stop ends the request after what is sent already.
	stop func()
	// alarm ends it at once.
	alarm func()

	// again are the documents to send once more, and waits the contacts they are of: what came later for the same contact
	// has to be sent again after them, whatever it was answered, or the older document would be the one that stays.
	again []*document
	waits map[string]bool
	// after and reason are what the server said about them.
	after  time.Duration
	reason string
}

// write sends documents until there are no more, the request is long enough, or it is stopped. It gives back those that it
// took and did not send.
func (r *round) write(ctx context.Context, pipe *io.PipeWriter, next *document) (unsent []*document) {
	packed := bufio.NewWriterSize(pipe, 32<<10)
	zip := gzip.NewWriter(packed)
	flush := func() error { return errors.Join(zip.Flush(), packed.Flush()) }
	defer func() { _ = errors.Join(zip.Close(), packed.Flush(), pipe.Close()) }() // who reads the answers sees what is missing
	for length := 0; length == 0 || length+len(next.body) <= requestBytes; {
		select {
		case r.sent <- next:
		default: // the answers are waited for, so all has to be on its way
			if flush() != nil {
				return []*document{next}
			}
			select {
			case r.sent <- next:
			case <-ctx.Done():
				return []*document{next}
			}
		}
		if _, err := zip.Write(next.body); err != nil {
			return nil
		}
		length += len(next.body)

		waiting, cancel := context.WithCancel(ctx)
		timer := r.clock.AfterFunc(quiet, cancel)
		document, err := r.queue.next(waiting, flush)
		timer.Stop()
		cancel()
		if err != nil {
			return nil
		}
		next = document
	}
	return []*document{next}
}

// read reads the answers.
func (r *round) read(ctx context.Context, body io.Reader) error {
	alarm := r.clock.AfterFunc(silence, r.alarm)
	defer alarm.Stop()
	response, err := r.client.post(ctx, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answers := jsontext.NewDecoder(response.Body)
	for line := int64(1); ; line++ {
		var received answer
		if err := json.UnmarshalDecode(answers, &received); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return &laterError{reason: "the connection was lost (" + cause(ctx, err).Error() + ")"}
		}
		alarm.Reset(silence)
		if received.Line != line {
			return fmt.Errorf("the server answered line %d where line %d was due; is this the bulk endpoint?", received.Line, line)
		}
		select {
		case document, more := <-r.sent:
			if more {
				if err := r.settle(document, &received); err != nil {
					return err
				}
				continue
			}
		default:
		}
		return received.failure() // it is about the request, as no document is left that it could be about
	}
}

// cause is why a context ended, or the error itself if it did not.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// settle does what an answer asks for.
func (r *round) settle(document *document, a *answer) error {
	switch {
	case a.isAboutRequest():
		return a.failure()
	case r.ledger.dryRun && a.isStored() && a.Plan == nil:
		return errNoPlan
	case r.waits[a.ContactID]:
		r.repeat(document)
		return nil
	case a.isLater():
		r.later(document, a)
		return nil
	case a.isFailure():
		if document.failures++; document.failures < attempts {
			r.later(document, a)
			return nil
		}
	}
	return r.ledger.settle(document, a)
}

var errNoPlan = errors.New("the server answered a dry run as if it were none; what was sent so far may be stored")

func (r *round) later(document *document, a *answer) {
	if a.ContactID != "" {
		r.waits[a.ContactID] = true
	}
	r.after = max(r.after, time.Duration(a.RetryAfter)*time.Second)
	r.reason = a.summary()
	r.repeat(document)
}

// repeat leaves a document to the next request.
func (r *round) repeat(document *document) {
	r.again = append(r.again, document)
	r.ledger.repeated()
	if len(r.again) >= window {
		r.stop() // the server has trouble; more of the same does not help
	}
}
