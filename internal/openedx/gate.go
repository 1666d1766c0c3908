package openedx

import (
	"context"
	"sync"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

const (
	// firstBackoff is how long a gate shuts when a throttle does not say; it doubles with each refusal that follows.
	firstBackoff = 10 * time.Second
	// firstTokenBackoff is longer, as the token endpoint's window is a minute and counts refused calls too.
	firstTokenBackoff = time.Minute
	// firstOutageBackoff is short: it only keeps all workers from finding out for themselves.
	firstOutageBackoff = 2 * time.Second
	maxBackoff         = 5 * time.Minute
)

// gate is shut while the LMS refuses calls.
type gate struct {
	// first is the back-off of a throttle that does not say how long it lasts.
	first time.Duration

	mu        sync.Mutex
	shutUntil time.Time
	refusal   lms.Error // that shut the gate, as the LMS gave it
	backoff   time.Duration
}

// refused gives the refusal that shut the gate again, with the time that is left, or nil if the gate is open. For a probe
// only a throttle shuts it: whether an outage is over is what the probe has to find out.
func (g *gate) refused(ctx context.Context, now time.Time) *lms.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if isProbe(ctx) && g.refusal.Class != lms.Throttled {
		return nil
	}
	return g.again(now)
}

// again gives the refusal with the time that is left, or nil if there is none.
func (g *gate) again(now time.Time) *lms.Error {
	left := g.shutUntil.Sub(now)
	if left <= 0 {
		return nil
	}
	again := g.refusal
	again.RetryAfter = left
	return &again
}

// shut closes the gate after a refusal, for as long as that says. Where it does not say, the gate backs off on its own.
// Calls that were under way together are refused together: that is one refusal. A throttle is told the time that is left.
func (g *gate) shut(refusal *lms.Error, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := refusal.RetryAfter
	if wait == 0 && !g.shutUntil.After(now) {
		first := g.first
		if refusal.Class != lms.Throttled {
			first = firstOutageBackoff
		}
		g.backoff = min(max(2*g.backoff, first), maxBackoff)
		wait = g.backoff
	}
	if until := now.Add(wait); until.After(g.shutUntil) {
		g.shutUntil, g.refusal = until, *refusal
	}
	if refusal.Class == lms.Throttled {
		refusal.RetryAfter = g.shutUntil.Sub(now)
	}
}

// served forgets the back-off, as the LMS takes calls again. A probe that is served ends an outage; what was sent before the
// gate was shut says nothing of a throttle.
func (g *gate) served(ctx context.Context, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.backoff = 0
	if isProbe(ctx) && g.refusal.Class != lms.Throttled {
		g.shutUntil = time.Time{}
	}
	if !g.shutUntil.After(now) {
		g.refusal = lms.Error{}
	}
}

// told gives the refusal while the gate is shut for what the LMS said of itself: a throttle, or an outage with its end. One
// that stays is told until the LMS has served such a call.
func (g *gate) told(now time.Time) *lms.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusal.Class != lms.Throttled && g.refusal.RetryAfter == 0 {
		return nil
	}
	told := g.again(now)
	if told == nil && stays(&g.refusal) {
		told = new(g.refusal)
		told.RetryAfter = 0
	}
	return told
}

// isShut tells whether the gate is shut for all but probes.
func (g *gate) isShut(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shutUntil.After(now)
}

type probeKey struct{}

// asProbe gives a context whose calls go ahead of all that wait, as a probe must not fail because there is work.
func asProbe(ctx context.Context) context.Context { return context.WithValue(ctx, probeKey{}, true) }

func isProbe(ctx context.Context) bool { return ctx.Value(probeKey{}) != nil }
