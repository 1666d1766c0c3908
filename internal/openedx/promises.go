package openedx

import (
	"slices"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

// promises are the turns that were promised to batches that were sent away, the next one first. Those who come back at one
// time meet in one batch again, so what was promised to one is shared with as many as there is room for. Without that, a
// thousand wishes would be promised a turn each, and every call would carry one.
type promises map[meeting][]*promise

type promise struct {
	at      time.Time
	refusal lms.Error
	// wishes is how many it was promised to and are not back yet.
	wishes int
}

// add notes the turn that a number of wishes were promised.
func (p promises) add(to meeting, now time.Time, refusal *lms.Error, wishes int) {
	if refusal.Class == lms.Throttled {
		p[to] = append(p[to], &promise{at: now.Add(refusal.RetryAfter), refusal: *refusal, wishes: wishes})
	}
}

// share promises a wish the next turn that has room, which is the refusal that says when to come back. Who comes at a
// promised time comes for that turn, and is not refused.
func (p promises) share(to meeting, most int, now time.Time) error {
	p[to] = slices.DeleteFunc(p[to], func(turn *promise) bool { return turn.wishes == 0 || now.After(turn.at.Add(maxWait)) })
	if len(p[to]) == 0 {
		delete(p, to)
		return nil
	}
	for _, turn := range p[to] {
		if !turn.at.After(now) {
			turn.wishes--
			return nil
		}
	}
	for _, turn := range p[to] {
		if turn.wishes < most {
			turn.wishes++
			refusal := turn.refusal
			refusal.RetryAfter = turn.at.Sub(now)
			return &refusal
		}
	}
	return nil
}
