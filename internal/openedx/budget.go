package openedx

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	// maxWait is the longest that a call waits for its turn. No worker sleeps: who would wait longer is sent away with
	// the time at which to come back.
	maxWait = time.Second
	// maxPromise is the furthest turn that is promised. Who is beyond it asks again then.
	maxPromise = 15 * time.Minute

	// firstBackoff is how long a gate shuts when a refusal does not say; it doubles with each one that follows.
	firstBackoff = 10 * time.Second
	// firstTokenBackoff is longer, as the token endpoint's window is a minute and counts refused calls too.
	firstTokenBackoff = time.Minute
	maxBackoff        = 5 * time.Minute
)

// lane admits the calls that share one throttle of the LMS: at the pace of its limiter, if it has one, and not at all
// while its gate is shut.
type lane struct {
	clock   clock.Clock
	limiter *rate.Limiter
	first   time.Duration

	mu        sync.Mutex
	promised  time.Time // the last turn that was promised
	shutUntil time.Time
	refusal   lms.Error // that shut the gate
	backoff   time.Duration
}

// admit lets a call go, after a short wait at most, or says when to come back. A call that goes ahead does not wait for
// the limiter, but is counted by it, so that those behind it make up for it.
func (l *lane) admit(ctx context.Context, ahead bool) error {
	now := l.clock.Now()
	if err := l.refused(now); err != nil {
		return err
	}
	if l.limiter == nil {
		return nil
	}
	reservation := l.limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if ahead || wait == 0 {
		return nil
	}
	if wait > maxWait {
		reservation.CancelAt(now)
		return &lms.Error{
			Class:        lms.Throttled,
			Reason:       v1alpha1.ReasonThrottled,
			Message:      "The call budget of the LMS is spent; the work goes on when it allows.",
			PlatformWide: true,
			RetryAfter:   l.promise(now, wait),
		}
	}

	timer := l.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		reservation.CancelAt(l.clock.Now())
		return lms.AsError(context.Cause(ctx))
	case <-timer.C():
	}
	// Another call may have been refused in the meantime.
	return l.refused(l.clock.Now())
}

// promise gives the time until a turn that is promised to nobody else, so that those who are sent away come back one after
// the other, and not all of them at the next free moment.
func (l *lane) promise(now time.Time, wait time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	between := time.Duration(float64(time.Second) / float64(l.limiter.Limit()))
	wait = min(max(wait, l.promised.Add(between).Sub(now)), maxPromise)
	l.promised = now.Add(wait)
	return wait
}

// refused gives the refusal that shut the gate again, with the time that is left, or nil if the gate is open.
func (l *lane) refused(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.shutUntil.Sub(now)
	if left <= 0 {
		return nil
	}
	again := l.refusal
	again.RetryAfter = left
	return &again
}

// shut closes the gate after a refusal, for as long as that says, and notes in it the time that is left. Where it does not
// say, the lane backs off on its own. Calls that were under way together are refused together: that is one refusal.
func (l *lane) shut(refusal *lms.Error) {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := refusal.RetryAfter
	if wait == 0 && !l.shutUntil.After(now) {
		l.backoff = min(max(2*l.backoff, l.first), maxBackoff)
		wait = l.backoff
	}
	if until := now.Add(wait); until.After(l.shutUntil) {
		l.shutUntil, l.refusal = until, *refusal
	}
	refusal.RetryAfter = l.shutUntil.Sub(now)
}

// served forgets the back-off, as the LMS takes calls again.
func (l *lane) served() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backoff = 0
}
