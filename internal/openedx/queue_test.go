package openedx

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/internal/lms"
)

var allLanes = []lms.Lane{lms.Live, lms.Retry, lms.Background}

func newTestQueue(turns turns) (*queue, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return &queue{clock: clock, turns: turns, counts: newQueueCounts("", limitBudget)}, clock
}

// newSlowQueue gives a turn a second.
func newSlowQueue() (*queue, *clocktesting.FakeClock) { return newTestQueue(newPace(62)) }

// mustBeSentAway asserts that the queue sends a call away, and for how long.
func mustBeSentAway(t *testing.T, q *queue, l lms.Lane, want time.Duration) {
	t.Helper()
	err := q.enter(lms.WithLane(withoutPatience(t), l))
	var refused *lms.Error
	if !errors.As(err, &refused) || refused.Class != lms.Throttled {
		t.Fatalf("admitted, or failed with %v", err)
	}
	if !refused.PlatformWide || refused.RetryAfter.Round(time.Millisecond) != want {
		t.Fatalf("platform-wide %t, after %s; want to come back after %s", refused.PlatformWide, refused.RetryAfter, want)
	}
}

func mustEnter(t *testing.T, q *queue, l lms.Lane) {
	t.Helper()
	if err := q.enter(lms.WithLane(withoutPatience(t), l)); err != nil {
		t.Fatal(err)
	}
}

// withoutPatience is a context of a caller who does not wait even for a moment.
func withoutPatience(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestTheBudgetHoldsInAnyMinuteAndCanBeUsed(t *testing.T) {
	const minutes = 5
	for _, budget := range []int{1, 10, 24, 25, 49, 50, 100, 120, 1000} {
		q, clock := newTestQueue(newPace(budget))
		var went []time.Time
		for tick := range minutes * 60 * 100 {
			for q.enter(lms.WithLane(withoutPatience(t), allLanes[tick%3])) == nil {
				went = append(went, clock.Now())
			}
			clock.Step(10 * time.Millisecond)
		}
		for first := range went {
			last := first
			for last < len(went) && went[last].Sub(went[first]) < time.Minute {
				last++
			}
			if last-first > budget {
				t.Fatalf("%d calls within a minute with a budget of %d", last-first, budget)
			}
		}
		if len(went) < minutes*budget*95/100 {
			t.Errorf("only %d calls in %d minutes with a budget of %d", len(went), minutes, budget)
		}
	}
}

// A probe goes ahead of its turn, and calls take unequal times on their way, so that the LMS may count a little more than
// a minute as one.
func TestAFullMinuteHasRoomForAProbe(t *testing.T) {
	const unevenness = 250 * time.Millisecond
	for _, budget := range []int{50, 100, 120} {
		q, clock := newTestQueue(newPace(budget))
		went := 0
		for end := clock.Now().Add(time.Minute + unevenness); clock.Now().Before(end); clock.Step(10 * time.Millisecond) {
			for q.enter(withoutPatience(t)) == nil {
				went++
			}
		}
		q.ahead(t.Context())
		if went+1 > budget {
			t.Errorf("%d calls with a budget of %d", went+1, budget)
		}
	}
}

func TestShortWaitsAreWaitedOut(t *testing.T) {
	q, clock := newSlowQueue()
	mustEnter(t, q, lms.Live)
	admitted := make(chan error)
	go func() { admitted <- q.enter(t.Context()) }()
	waitForTimer(t, clock)
	// The next free turn is more than a second away.
	mustBeSentAway(t, q, lms.Live, 2*time.Second)
	clock.Step(time.Second)
	if err := <-admitted; err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsSentAwayGetsATurnOfHisOwn(t *testing.T) {
	q, clock := newSlowQueue()
	mustEnter(t, q, lms.Live)
	q.ahead(t.Context()) // The turn of the next second is taken too.
	for turn := 2; turn <= 10; turn++ {
		mustBeSentAway(t, q, lms.Live, time.Duration(turn)*time.Second)
	}
	// Nobody is promised a turn behind those of a less urgent lane, nor of another one at all.
	for turn := 2; turn <= 10; turn++ {
		mustBeSentAway(t, q, lms.Background, time.Duration(turn)*time.Second)
	}
	mustBeSentAway(t, q, lms.Retry, 2*time.Second)
	mustBeSentAway(t, q, lms.Live, 11*time.Second)
	clock.Step(5 * time.Second)
	mustEnter(t, q, lms.Live) // Whoever comes when there is room goes.
	q.ahead(t.Context())
	var furthest time.Duration
	for range 2000 {
		furthest = max(furthest, lms.AsError(q.enter(withoutPatience(t))).RetryAfter)
	}
	if furthest != maxPromise {
		t.Fatalf("a turn in %s is promised", furthest)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	q, clock := newSlowQueue()
	mustEnter(t, q, lms.Live)
	if err := q.enter(withoutPatience(t)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	// Its turn is free for another.
	clock.Step(time.Second)
	mustEnter(t, q, lms.Live)
}

func TestAProbeGoesAhead(t *testing.T) {
	q, _ := newSlowQueue()
	mustEnter(t, q, lms.Live)
	q.ahead(t.Context())
	mustBeSentAway(t, q, lms.Live, 2*time.Second)
}

func TestATurnIsLeftForWhoIsMoreUrgentAndWasPromisedOne(t *testing.T) {
	q, clock := newTestQueue(newPace(10)) // a turn in six seconds
	mustEnter(t, q, lms.Live)
	mustBeSentAway(t, q, lms.Live, 6*time.Second)
	mustBeSentAway(t, q, lms.Background, 6*time.Second)
	clock.Step(6 * time.Second)
	left := make(chan error)
	go func() { left <- q.enter(lms.WithLane(t.Context(), lms.Background)) }()
	waitForTimer(t, clock)
	mustEnter(t, q, lms.Live)
	clock.Step(maxWait)
	if err := lms.AsError(<-left); err.Class != lms.Throttled {
		t.Errorf("got %v", err)
	}
	// Who was promised a turn and does not come holds it up for a second.
	mustBeSentAway(t, q, lms.Live, 5*time.Second)
	clock.Step(5*time.Second + maxWait)
	mustEnter(t, q, lms.Background)
}

// crowd has callers in each lane who come back as they are told, each again and again, and counts who gets turns.
type crowd struct {
	served  [len(shares)]int
	longest [len(shares)]time.Duration // between two turns of the lane
}

// simulate runs callers against a queue in a bubble, whose clock is the fake one of synctest.
func simulate(t *testing.T, turns turns, callers [len(shares)]int, lasts, callTakes time.Duration) (c crowd) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		q := &queue{clock: clock.RealClock{}, turns: turns, counts: newQueueCounts("", limitBudget)}
		var (
			mu   sync.Mutex
			last [len(shares)]time.Time
			all  sync.WaitGroup
		)
		for l := range last {
			last[l] = time.Now()
			for range callers[l] {
				all.Go(func() {
					for ctx.Err() == nil {
						entered := time.Now()
						err := q.enter(lms.WithLane(ctx, lms.Lane(l)))
						if waited := time.Since(entered); waited > maxWait {
							t.Errorf("a call waited for %s", waited)
						}
						if err != nil {
							select {
							case <-ctx.Done():
							case <-time.After(max(lms.AsError(err).RetryAfter, time.Second)):
							}
							continue
						}
						mu.Lock()
						c.served[l]++
						c.longest[l] = max(c.longest[l], time.Since(last[l]))
						last[l] = time.Now()
						mu.Unlock()
						began := time.Now()
						<-time.After(callTakes)
						q.back(began, resultServed)
					}
				})
			}
		}
		all.Wait()
	})
	return c
}

func (c crowd) all() (sum int) {
	for _, served := range c.served {
		sum += served
	}
	return sum
}

func TestLanesShareTheBudget(t *testing.T) {
	const minutes, crowded = 30, 40
	for name, test := range map[string]struct {
		callers [len(shares)]int
		want    [len(shares)]float64 // at least this part of the turns
	}{
		"live only":              {[...]int{crowded, 0, 0}, [...]float64{.99, 0, 0}},
		"background only":        {[...]int{0, 0, crowded}, [...]float64{0, 0, .99}},
		"live and background":    {[...]int{crowded, 0, crowded}, [...]float64{.85, 0, .07}},
		"live and retries":       {[...]int{crowded, crowded, 0}, [...]float64{.75, .13, 0}},
		"retries and background": {[...]int{0, crowded, crowded}, [...]float64{0, .85, .07}},
		"everything":             {[...]int{crowded, crowded, crowded}, [...]float64{.7, .12, .06}},
		"a little live work":     {[...]int{1, 0, crowded}, [...]float64{.5, 0, .05}},
	} {
		for _, budget := range []int{30, 100, 120} {
			t.Run(name, func(t *testing.T) {
				got := simulate(t, newPace(budget), test.callers, minutes*time.Minute, 50*time.Millisecond)
				if most := budget * minutes; got.all() < most*95/100 {
					t.Errorf("%d of %d calls were used", got.all(), most)
				}
				for l, want := range test.want {
					if part := float64(got.served[l]) / float64(got.all()); part < want {
						t.Errorf("budget %d: %s got %.3f of the turns, want %.3f", budget, lms.Lane(l), part, want)
					}
					if want > 0 && got.longest[l] > 5*time.Minute {
						t.Errorf("budget %d: %s got no turn for %s", budget, lms.Lane(l), got.longest[l])
					}
				}
			})
		}
	}
}

func TestALaneThatIsNotThereKeepsItsCreditWithinBounds(t *testing.T) {
	q, clock := newTestQueue(newPace(120))
	for served := 0; served < 300; clock.Step(100 * time.Millisecond) {
		if q.enter(withoutPatience(t)) == nil {
			served++
		}
	}
	// All lanes wait; the order in which they get their turns is what counts.
	places := newPlaces(1)
	places.taken, places.mean = 1, 0 // so that nobody is sent away
	q.turns = places
	var order []lms.Lane
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, l := range slices.Repeat([]lms.Lane{lms.Background, lms.Retry, lms.Live}, 12) {
		before := waiters(q)
		all.Go(func() {
			if err := q.enter(lms.WithLane(t.Context(), l)); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, l)
			mu.Unlock()
		})
		eventually(t, func() bool { return waiters(q) == before+1 })
	}
	for turn := range 36 {
		q.back(clock.Now(), resultServed)
		eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(order) == turn+1
		})
	}
	all.Wait()
	if !slices.Equal(order[:5], slices.Repeat([]lms.Lane{lms.Retry}, 5)) {
		t.Errorf("retries, which have stood back for longest, do not go first: %v", order)
	}
	owed := 0
	for _, l := range order[:11] {
		if l == lms.Background {
			owed++
		}
	}
	if owed != 5 {
		t.Errorf("the background got %d turns at once, want 5: %v", owed, order)
	}
	if last := slices.Index(order, lms.Live); last > 11 {
		t.Errorf("live calls had to wait for %d turns: %v", last, order)
	}
}

func waiters(q *queue) (count int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, lane := range q.lanes {
		count += len(lane.waiting)
	}
	return count
}

// waitForTimer returns once somebody waits for the clock.
func waitForTimer(t *testing.T, clock *clocktesting.FakeClock) {
	t.Helper()
	eventually(t, clock.HasWaiters)
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for gaveUp := time.Now().Add(time.Minute); !holds(); runtime.Gosched() {
		if time.Now().After(gaveUp) {
			t.Fatal("it does not come to that")
		}
	}
}
