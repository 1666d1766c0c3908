package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	"k8s.io/apiserver/pkg/authentication/user"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

const (
	// linesAtOnce is how many lines of one bulk request are worked on at a time.
	linesAtOnce = 16
	// beltLength is how many lines have no answer yet. As they are answered in order, there are some more than those that are
	// worked on, so that a slow one does not hold up the others.
	beltLength = 4 * linesAtOnce
)

// verdict is the answer to a line: what its PUT would have been answered, as far as a line has a place for it.
type verdict struct {
	Line      int64  `json:"line"`
	ContactID string `json:"contactID,omitzero"`
	Status    int    `json:"status"`
	// Type, Detail and Errors are those of the problem, if it is one.
	Type   string          `json:"type,omitzero"`
	Detail string          `json:"detail,omitzero"`
	Errors []problem.Error `json:"errors,omitempty"`
	// RetryAfter is the header of this name, in seconds.
	RetryAfter int   `json:"retryAfter,omitzero"`
	Plan       *plan `json:"Plan,omitzero"`
}

// bulk takes a document from each line of the body, and answers each with a line. Lines are read, worked on and answered
// at the same time, a few of them at once; when one of these three falls behind, the others wait for it.
func (s *Server) bulk(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.sender(r)
	if err != nil {
		return err
	}
	end, begun := s.streams.begin(caller.GetName())
	if !begun {
		return problem.TooManyRequests("The caller has as many bulk requests at a time as one may.", doors.RetryAfter)
	}
	defer end()
	wish, err := bulkWishOf(r)
	if err != nil {
		return err
	}
	exchange := newExchange(w, r, s.limits.ReadTimeout)
	defer exchange.end()
	r.Body = io.NopCloser(exchange)
	body, err := doors.OpenBody(r, "application/x-ndjson", s.limits.BulkBytes)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")

	b := &bulk{
		server:   s,
		request:  r,
		exchange: exchange,
		caller:   caller,
		turns:    s.paces.Of(caller.GetName()),
		wish:     wish,
		belt:     make(chan *item, beltLength),
		latest:   map[string]*item{},
	}
	b.workers.SetLimit(linesAtOnce)
	// A line that was begun is brought to its end, whatever becomes of the connection.
	ctx := context.WithoutCancel(r.Context())
	var others sync.WaitGroup
	read := make(chan struct{})
	others.Go(func() {
		defer close(read)
		b.read(ctx, newLines(body, s.limits.DocumentBytes))
	})
	others.Go(func() {
		select {
		case <-s.stopping:
			exchange.halt()
		case <-read:
		}
	})
	b.answer()
	others.Wait()
	return nil
}

// sender says who sends a bulk request. This part of it has the deadline of a single document.
func (s *Server) sender(r *http.Request) (user.Info, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.RequestTimeout)
	defer cancel()
	caller, err := s.gatekeeper.authenticate(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	// Each line asks again, so that a permission may end before the stream; most of them find this answer, which is remembered.
	_, err = s.gatekeeper.mayUse(ctx, caller, "update", allContacts)
	return caller, err
}

// bulk is a bulk request that is being served.
type bulk struct {
	server   *Server
	request  *http.Request
	exchange *exchange
	caller   user.Info
	// turns pace the lines of the caller, apart from what else they send, which could never have a turn beside a stream.
	turns *rate.Limiter
	// wish is what all lines have in common.
	wish wish
	// belt has the lines that are not answered yet, in their order.
	belt chan *item
	// workers are those who work on lines.
	workers errgroup.Group
	// latest has the last line of each contact, as long as it may be worked on.
	latest map[string]*item
}

// item is a line on its way to its answer.
type item struct {
	verdict verdict
	// done is closed when there is a verdict.
	done chan struct{}
}

// read puts every line on the belt, and at its end why there are no more, unless all of the body was read.
func (b *bulk) read(ctx context.Context, lines *lines) {
	defer close(b.belt)
	err := doors.Guarded(ctx, func() error {
		for {
			line, err := lines.next()
			switch {
			case b.exchange.isHalted():
				return stopping()
			case errors.Is(err, errLongLine):
				b.work(ctx, lines.number, parcel{wish: b.wish, fault: problem.TooLarge("line", b.server.limits.DocumentBytes)})
			case err != nil:
				return err
			case len(bytes.Trim(line, " \t\r")) > 0:
				b.work(ctx, lines.number, parcelOf(line, b.wish))
			}
		}
	})
	if !errors.Is(err, io.EOF) {
		last := &item{verdict: verdict{Line: lines.number}, done: make(chan struct{})}
		last.verdict.refuse(doors.ProblemOf(ctx, err))
		close(last.done)
		b.exchange.owe(1)
		b.belt <- last
	}
}

// work has a line worked on, once it is the caller's turn and there is a place on the belt.
func (b *bulk) work(ctx context.Context, number int64, sent parcel) {
	_ = b.turns.Wait(b.exchange.reading) // it ends early only with the exchange
	line := &item{verdict: verdict{Line: number, ContactID: sent.contactID}, done: make(chan struct{})}
	b.exchange.owe(1)
	b.belt <- line

	earlier := b.latest[sent.contactID]
	if sent.contactID != "" {
		b.latest[sent.contactID] = line
	}
	if len(b.latest) > 2*beltLength {
		maps.DeleteFunc(b.latest, func(_ string, line *item) bool { return line.isDone() })
	}
	b.workers.Go(func() error {
		defer close(line.done)
		if earlier != nil {
			<-earlier.done // lines of one contact are applied in their order
		}
		ctx, entry := newEntry(ctx, sent.contactID)
		defer func() {
			entry.count()
			entry.write(ctx)
		}()
		entry.caller = b.caller.GetName()
		entry.asked(sent.wish)

		taken, err := b.receive(ctx, sent)
		if err == nil && len(taken.conflicts) > 0 {
			err = conflicting(taken)
		}
		if err != nil {
			found := doors.ProblemOf(ctx, err)
			b.server.refusals.note(b.request, found)
			entry.refused(found)
			line.verdict.refuse(found)
			return nil
		}
		line.verdict.Status, line.verdict.Plan = taken.status(), taken.Plan
		return nil
	})
}

// receive does with a line what is done with a PUT.
func (b *bulk) receive(ctx context.Context, sent parcel) (result taken, err error) {
	if b.exchange.isHalted() {
		return taken{}, stopping() // it waited for an earlier line until now
	}
	ctx, cancel := context.WithTimeout(ctx, b.server.limits.RequestTimeout)
	defer cancel()
	err = doors.Guarded(ctx, func() error {
		if sent.fault == nil {
			sent.fault = b.server.gatekeeper.authorize(ctx, b.caller, "update", sent.contactID)
		}
		result, err = b.server.receive(ctx, b.caller.GetName(), sent)
		return err
	})
	return result, err
}

// answer sends the verdicts in order: each as soon as it is there, and those that are there together at once.
func (b *bulk) answer() {
	answers := bufio.NewWriterSize(b.exchange, 32<<10)
	ready := 0
	flush := func() {
		if answers.Flush() != nil { // the caller is gone, or does not read
			b.exchange.halt()
		}
		b.exchange.owe(-ready)
		ready = 0
	}
	defer flush()
	for {
		if len(b.belt) == 0 {
			flush()
		}
		line, more := <-b.belt
		if !more {
			return
		}
		if !line.isDone() {
			flush()
		}
		<-line.done
		if errors.Join(json.MarshalWrite(answers, &line.verdict), answers.WriteByte('\n')) != nil {
			b.exchange.halt()
		}
		ready++
	}
}

func (i *item) isDone() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

// refuse makes the verdict of a problem.
func (v *verdict) refuse(p *problem.Problem) {
	v.Status, v.Type, v.Detail, v.Errors = p.Status, p.Type, p.Detail, slices.Clone(p.Errors)
	for i := range v.Errors {
		if e := &v.Errors[i]; e.Header == revisionHeader { // in a line it is a member
			e.Header, e.Pointer = "", revisionPointer
		}
	}
	v.RetryAfter, _ = strconv.Atoi(p.Header.Get("Retry-After")) // without the header it is 0, which is left out
	v.Plan, _ = p.Extensions["Plan"].(*plan)
}
