package openedx

import (
	"context"
	"slices"
	"sync"
	"time"

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

	// wholeTurn is the credit for a turn.
	wholeTurn = 10
	// maxCredit bounds how many turns in a row a lane may get before a more urgent one.
	maxCredit = 5 * wholeTurn
)

// shares are the credit that a lane earns with each turn that goes to a more urgent one: a fifth of a turn and a tenth.
var shares = [...]int{lms.Live: 0, lms.Retry: wholeTurn / 5, lms.Background: wholeTurn / 10}

// turns is where a queue has its turns from. The queue's lock guards it.
type turns interface {
	// take takes a turn that has been there for as long as idle, if there is one.
	take(now time.Time, idle time.Duration) bool
	// ahead takes a turn whether there is one or not.
	ahead(now time.Time)
	// again takes what a second call costs who has a turn.
	again(now time.Time)
	// wait is the time until the n-th turn from now.
	wait(now time.Time, n int) time.Duration
	// between is the time from one turn to the next, while there is work.
	between() time.Duration
	// comes is the time until there may be a turn that nobody gives back.
	comes(now time.Time) time.Duration
	// back gives a turn back after a call that took so long and came to this.
	back(now time.Time, took time.Duration, came result)
}

// queue gives turns to calls. Who is in a more urgent lane goes first. A lane that stands back for it earns credit, also
// while nobody of it is there, as nobody waits for long; and who is in a lane with credit for a whole turn goes next.
type queue struct {
	clock clock.Clock
	// spent is what is said to those who are sent away.
	spent  string
	counts queueCounts

	mu    sync.Mutex // guards what follows
	turns turns
	lanes [lms.Background + 1]lane
}

type lane struct {
	waiting  []*waiter // first come, first
	credit   int
	promised time.Time // the last turn that was promised to somebody who was sent away
}

type waiter struct {
	lane  lms.Lane
	since time.Time
	turn  chan struct{} // closed when it is given
}

// enter gives a turn, after a short wait at most, or says when to come back.
func (q *queue) enter(ctx context.Context) error {
	me, err := q.join(lms.LaneOf(ctx))
	if err != nil {
		return err
	}
	for {
		again, err := q.serve(me)
		if again == 0 {
			return err
		}
		timer := q.clock.NewTimer(again)
		select {
		case <-me.turn:
		case <-timer.C():
		case <-ctx.Done():
			if q.leave(me) {
				timer.Stop()
				return lms.AsError(context.Cause(ctx))
			}
		}
		timer.Stop()
	}
}

// join lines up, unless the turn is too far off to wait for it.
func (q *queue) join(l lms.Lane) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	if q.turns.wait(now, q.before(l)+1) > maxWait {
		return nil, q.sendAway(l, now)
	}
	me := &waiter{lane: l, since: now, turn: make(chan struct{})}
	q.lanes[l].waiting = append(q.lanes[l].waiting, me)
	return me, nil
}

// serve hands out what turns there are and gives the time after which to look again, or 0 if the wait is over: with a turn,
// or with an error for who has waited for long enough.
func (q *queue) serve(me *waiter) (again time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	q.hand(now)
	if me.served() {
		return 0, nil
	}
	left := maxWait - now.Sub(me.since)
	if left <= 0 {
		q.remove(me)
		return 0, q.sendAway(me.lane, now)
	}
	if comes := q.turns.comes(now); comes > 0 && comes < left {
		return comes, nil
	}
	return left, nil
}

// leave gives up waiting; it is false for who has a turn already.
func (q *queue) leave(me *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if me.served() {
		return false
	}
	q.remove(me)
	return true
}

// ahead takes a turn before all who wait.
func (q *queue) ahead(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.ahead(q.clock.Now())
	q.counts.admit(ctx)
}

// again lets who has a turn make a second call.
func (q *queue) again(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.again(q.clock.Now())
	q.counts.admit(ctx)
}

// back gives a turn back after its call.
func (q *queue) back(began time.Time, came result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	q.turns.back(now, now.Sub(began), came)
	q.hand(now)
}

// locked does something to the turns.
func (q *queue) locked(do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	do()
}

// promise gives the time until a turn, not before the earliest, that is promised to nobody else of the lane: so those who
// are sent away come back one after the other. A lane promises as if it had all turns to itself. Who then comes in vain is
// sent away again, which costs nothing; who came too late would leave turns unused.
func (q *queue) promise(l lms.Lane, earliest time.Duration) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.promiseAt(l, q.clock.Now(), earliest)
}

func (q *queue) promiseAt(l lms.Lane, now time.Time, earliest time.Duration) time.Duration {
	wait := max(earliest, q.turns.wait(now, q.before(l)+1))
	between := q.turns.between()
	behind := q.lanes[l].promised.Add(between).Sub(now.Add(wait))
	wait = min(wait+max(0, behind).Round(between), earliest+maxPromise)
	q.lanes[l].promised = now.Add(wait)
	return wait
}

func (q *queue) sendAway(l lms.Lane, now time.Time) error {
	q.counts.sentAway[l].Inc()
	return &lms.Error{
		Class:        lms.Throttled,
		Reason:       v1alpha1.ReasonThrottled,
		Message:      q.spent,
		PlatformWide: true,
		RetryAfter:   q.promiseAt(l, now, 0),
	}
}

// hand gives turns to those who wait, as long as there are any of both.
func (q *queue) hand(now time.Time) {
	for {
		l, waits := q.next()
		if !waits || !q.turns.take(now, q.idle(l, now)) {
			return
		}
		close(q.lanes[l].waiting[0].turn)
		q.lanes[l].waiting = q.lanes[l].waiting[1:]
		q.counts.admitted[l].Inc()
		q.lanes[l].credit -= min(q.lanes[l].credit/wholeTurn, 1) * wholeTurn
		for lower := l + 1; lower <= lms.Background; lower++ {
			q.lanes[lower].credit = min(q.lanes[lower].credit+shares[lower], maxCredit)
		}
	}
}

// next is the lane whose turn it is, if anybody waits.
func (q *queue) next() (next lms.Lane, waits bool) {
	present := func(l lane) bool { return len(l.waiting) > 0 }
	owed := func(l lane) bool { return present(l) && l.credit >= wholeTurn }
	if l := slices.IndexFunc(q.lanes[:], owed); l >= 0 {
		return lms.Lane(l), true
	}
	l := slices.IndexFunc(q.lanes[:], present)
	return lms.Lane(l), l >= 0
}

// idle is for how long a turn has to have been there before the lane may take it: those of more urgent lanes who were
// promised one get the time to come for it.
func (q *queue) idle(l lms.Lane, now time.Time) time.Duration {
	if q.lanes[l].credit >= wholeTurn {
		return 0
	}
	for urgent := range l {
		if q.lanes[urgent].promised.Add(maxWait).After(now) {
			return maxWait
		}
	}
	return 0
}

// before is how many of those who wait go before somebody who comes now.
func (q *queue) before(l lms.Lane) int {
	count := len(q.lanes[l].waiting)
	if q.lanes[l].credit/wholeTurn > count {
		return count
	}
	for other := range lms.Background + 1 {
		waiting := len(q.lanes[other].waiting)
		switch {
		case other < l:
			count += waiting
		case other > l:
			count += min(waiting, q.lanes[other].credit/wholeTurn)
		}
	}
	return count
}

func (q *queue) remove(me *waiter) {
	lane := &q.lanes[me.lane]
	lane.waiting = slices.DeleteFunc(lane.waiting, func(w *waiter) bool { return w == me })
}

func (w *waiter) served() bool {
	select {
	case <-w.turn:
		return true
	default:
		return false
	}
}
