package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history is what was sent to the door and what it answered. The checker looks for an order of it that makes every
// answer true: documents of a contact take effect one after the other, each at an instant between its request and its
// answer (the contact is linearizable). What the API server holds in the end is the last entry of the history.
//
// So it finds an acknowledged document that is gone, one that an older document replaced, a "Created" that is told to
// two, an "Unchanged" or a 412 that was not so when it was told, and a lower revision that won.

// operation is one request about one contact, or a look at what is stored in the end.
type operation struct {
	contact  string
	called   time.Duration // since the history began
	returned time.Duration

	document int    // the number of what was sent; in a look, of what is stored
	revision int64  // the Document-Revision that came with it, or unnumbered
	match    int    // the number of the document that If-Match names, or 0 for no If-Match
	answer   answer // what came back
}

// unnumbered stands for no Document-Revision.
const unnumbered = int64(-1)

// answer is what a request was answered with: the Result of a success, or the last part of a problem's type.
type answer string

const (
	created            answer = "Created"
	replaced           answer = "Replaced"
	unchanged          answer = "Unchanged"
	accepted           answer = "200"      // in bulk: replaced or unchanged
	conflicting        answer = "conflict" // stored, too
	preconditionFailed answer = "precondition-failed"
	revisionOutdated   answer = "revision-outdated"
	revisionReused     answer = "revision-reused"
	// unanswered is for a request that has no answer, or 503: it may have taken effect.
	unanswered answer = ""
	// seen marks a look at what is stored.
	seen answer = "seen"
)

// state is what is stored of a contact. The document 0 is none.
type state struct {
	document int
	revision int64
	// overtook is when the latest of the documents was sent that are known to be stored.
	overtook time.Duration
}

// nothing is the state of a contact before its first document.
var nothing = state{revision: unnumbered}

// after gives the states that an operation can lead to; there are none if it cannot have been answered so.
func (s state) after(o operation) []state {
	next, want := s.put(o)
	switch {
	case o.answer == seen && o.document == s.document && o.revision == s.revision:
		return []state{s}
	case o.answer == unanswered && s.overtook > o.returned:
		// A write that was under way in a process that was killed may reach etcd when its caller has given up. But a
		// document that was sent after that, and was stored, has taken its place: the older one does not come back.
		return []state{s}
	case o.answer == unanswered:
		return []state{s, next}
	case o.answer == want, o.answer == accepted && (want == replaced || want == unchanged):
		if want == created || want == replaced {
			next.overtook = max(s.overtook, o.called)
		}
		return []state{next}
	default:
		return nil
	}
}

// put is what the door promises: what a request makes of the state, and its answer.
func (s state) put(o operation) (state, answer) {
	switch {
	case o.match != 0 && o.match != s.document:
		return s, preconditionFailed
	case o.revision != unnumbered && o.revision < s.revision:
		return s, revisionOutdated
	case o.revision != unnumbered && o.revision == s.revision && o.document != s.document:
		return s, revisionReused
	}
	next := s
	next.document, next.revision = o.document, max(s.revision, o.revision)
	switch {
	case conflicts(o.document):
		return next, conflicting
	case s.document == 0:
		return next, created
	case s.document != o.document:
		return next, replaced
	default:
		return next, unchanged
	}
}

// model tells the library what the states are.
var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{nothing} },
	Step: func(from, input, _ any) []any {
		var next []any
		for _, s := range from.(state).after(input.(operation)) {
			next = append(next, s)
		}
		return next
	},
}).ToModel()

// checkTimeout is how long the search for an order may take for one contact. It takes milliseconds.
const checkTimeout = 30 * time.Second

// check gives an error if no order makes the history of a contact true.
func check(history []operation) error {
	operations := make([]porcupine.Operation, len(history))
	for i, o := range history {
		operations[i] = porcupine.Operation{Input: o, Call: int64(o.called), Return: int64(latest(o, history))}
	}
	switch porcupine.CheckOperationsTimeout(model, operations, checkTimeout) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("no order was found within %v for\n%s", checkTimeout, describe(history))
	default:
		return fmt.Errorf("there is no order in which all answers are true of\n%s", describe(history))
	}
}

// latest is when an operation has taken effect, if it has. Without an answer that is not when its caller gave up, but
// before the next document is stored that was sent after that, as state.after says. This keeps the search short.
func latest(o operation, history []operation) time.Duration {
	if o.answer != unanswered {
		return o.returned
	}
	end := time.Duration(math.MaxInt64)
	for _, later := range history {
		if later.called > o.returned && (later.answer == created || later.answer == replaced) {
			end = min(end, later.returned)
		}
	}
	return end
}

func describe(history []operation) string {
	sorted := slices.SortedFunc(slices.Values(history), func(a, b operation) int { return int(a.called - b.called) })
	var lines strings.Builder
	for _, o := range sorted {
		fmt.Fprintf(&lines, "  %12v – %12v  %s: document %d", o.called, o.returned, o.contact, o.document)
		if o.revision != unnumbered {
			fmt.Fprintf(&lines, ", revision %d", o.revision)
		}
		if o.match != 0 {
			fmt.Fprintf(&lines, ", if document %d is stored", o.match)
		}
		fmt.Fprintf(&lines, " → %q\n", o.answer)
	}
	return lines.String()
}
