package openedx

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/trail"
)

const (
	// maxBatch is how many wishes one call carries at most, if the LMS takes it well.
	maxBatch = 50
	// gatherFor is how long a batch waits for the wishes that come together with the first. While it waits for its turn, it
	// takes more.
	gatherFor = 10 * time.Millisecond
)

// batcher sends the wishes that callers have at about the same time together: those that meet, in one call. Every caller
// gets what came of the own wish.
type batcher[W, R any] struct {
	// most is how many wishes one call carries at most.
	most int
	// clock is that of the promised turns. What comes together does so by the real one, whatever that says.
	clock clock.PassiveClock
	// admit waits for the turn of a call, or says when to come back.
	admit func(ctx context.Context) (*pass, error)
	// send makes the call for wishes with a key, and gives what came of each.
	send func(ctx context.Context, pass *pass, key string, wishes []W) []fulfilled[R]

	mu       sync.Mutex
	open     map[meeting]*batch[W, R] // those that take wishes
	promises promises
}

// meeting is what wishes have to have in common to go into one call: what that is about, and how urgent it is.
type meeting struct {
	key  string
	lane lms.Lane
}

type batch[W, R any] struct {
	// ctx is that of the first wish, without its end: the call is made for others too.
	ctx    context.Context
	full   chan struct{} // closed when it takes no more
	wishes []*wish[W, R]
}

type wish[W, R any] struct {
	of  W
	got chan fulfilled[R] // has room for one, as the caller may have left
}

// fulfilled is what came of a wish.
type fulfilled[R any] struct {
	value R
	err   error
}

func newBatcher[W, R any](most int, clock clock.PassiveClock, admit func(context.Context) (*pass, error), send func(context.Context, *pass, string, []W) []fulfilled[R]) *batcher[W, R] {
	return &batcher[W, R]{most: most, clock: clock, admit: admit, send: send, open: map[meeting]*batch[W, R]{}, promises: promises{}}
}

// ask has a wish fulfilled together with others. A caller whose context ends takes the wish back, unless it is sent.
func (b *batcher[W, R]) ask(ctx context.Context, key string, of W) (got R, err error) {
	w := &wish[W, R]{of: of, got: make(chan fulfilled[R], 1)}
	joined, err := b.join(ctx, meeting{key, lms.LaneOf(ctx)}, w)
	if err != nil {
		return got, err
	}
	select {
	case r := <-w.got:
		return r.value, r.err
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		joined.wishes = slices.DeleteFunc(joined.wishes, func(other *wish[W, R]) bool { return other == w })
		return got, lms.AsError(context.Cause(ctx))
	}
}

// join puts a wish into the batch that is open for it, unless it is promised a later turn.
func (b *batcher[W, R]) join(ctx context.Context, at meeting, w *wish[W, R]) (*batch[W, R], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if refusal := b.promises.share(at, b.most, b.clock.Now()); refusal != nil {
		return nil, refusal
	}
	joined := b.open[at]
	if joined == nil {
		joined = &batch[W, R]{ctx: context.WithoutCancel(ctx), full: make(chan struct{})}
		b.open[at] = joined
		go b.run(at, joined)
	}
	joined.wishes = append(joined.wishes, w)
	if len(joined.wishes) == b.most {
		close(joined.full)
		delete(b.open, at)
	}
	return joined, nil
}

// run takes a batch from its first wish to its last answer.
func (b *batcher[W, R]) run(at meeting, current *batch[W, R]) {
	gathered := clock.RealClock{}.NewTimer(gatherFor)
	defer gathered.Stop()
	select {
	case <-gathered.C():
	case <-current.full:
	}
	pass, err := b.admit(current.ctx)
	wishes := b.end(at, current, err)
	switch {
	case err != nil:
		for _, w := range wishes {
			w.got <- fulfilled[R]{err: err}
		}
	case len(wishes) == 0:
		pass.end(resultNone)
	default:
		of := make([]W, len(wishes))
		for i, w := range wishes {
			of[i] = w.of
		}
		ctx := current.ctx
		if len(of) > 1 {
			ctx = trail.WithRequestID(ctx, "") // No single request causes it.
		}
		for i, r := range b.send(ctx, pass, at.key, of) {
			wishes[i].got <- r
		}
	}
}

// end ends the gathering and gives the wishes that are left. If they are sent away, they are promised one turn.
func (b *batcher[W, R]) end(at meeting, current *batch[W, R], err error) []*wish[W, R] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[at] == current {
		delete(b.open, at)
	}
	wishes := current.wishes
	current.wishes = nil
	if err != nil && len(wishes) > 0 {
		b.promises.add(at, b.clock.Now(), lms.AsError(err), len(wishes))
	}
	return wishes
}

// isPerhapsOfOne tells whether a call for many may have failed for one of them: then each is asked for singly.
func isPerhapsOfOne(err error) bool {
	if err == nil {
		return false
	}
	reason := lms.AsError(err).Reason
	return reason == v1alpha1.ReasonServerError || reason == v1alpha1.ReasonUnexpectedAnswer
}
