package openedx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/trail"
)

// letPass waits on the clock of a test's bubble.
func letPass(d time.Duration) { <-time.After(d) }

// counter is a batcher whose calls count: what comes of a wish is the wish, and those below 0 fail.
type counter struct {
	*batcher[int, int]

	mu    sync.Mutex
	calls [][]int
	// causes are the requests that the calls are made for.
	causes []string
	// refusal and patience are those of the budget.
	refusal  *lms.Error
	patience time.Duration
}

func newCounter() *counter {
	c := &counter{}
	c.batcher = newBatcher(maxBatch, clock.RealClock{}, c.admit, c.send)
	return c
}

func (c *counter) admit(context.Context) (*pass, error) {
	letPass(c.patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		return nil, c.refusal
	}
	return &pass{throttle: &throttle{}}, nil
}

func (c *counter) send(ctx context.Context, _ *pass, _ string, wishes []int) []fulfilled[int] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.causes = append(c.calls, wishes), append(c.causes, trail.RequestID(ctx))
	came := make([]fulfilled[int], len(wishes))
	for i, wish := range wishes {
		if came[i].value = wish; wish < 0 {
			came[i].err = errAbsent
		}
	}
	return came
}

// sizes are how many wishes the calls carried so far, the most first.
func (c *counter) sizes() (sizes []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		sizes = append(sizes, len(call))
	}
	slices.SortFunc(sizes, func(a, b int) int { return b - a })
	return sizes
}

func mustHaveSizes(t *testing.T, c *counter, want ...int) {
	t.Helper()
	if got := c.sizes(); !slices.Equal(got, want) {
		t.Errorf("calls carried %v wishes, want %v", got, want)
	}
}

func TestWishesThatMeetGoInOneCallAndEachGetsItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		for wish := range 120 {
			go func() {
				if got, err := c.ask(t.Context(), "", wish-1); got != wish-1 || (err != nil) != (wish == 0) {
					t.Errorf("wish %d came to %d, %v", wish-1, got, err)
				}
			}()
		}
		letPass(time.Second)
		mustHaveSizes(t, c, 50, 50, 20)
	})
}

func TestWishesOfOtherKeysAndLanesGoByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		for wish := range 12 {
			go func() {
				_, _ = c.ask(lms.WithLane(t.Context(), allLanes[wish%3]), fmt.Sprint(wish%2), wish)
			}()
		}
		letPass(time.Second)
		mustHaveSizes(t, c, 2, 2, 2, 2, 2, 2)
	})
}

func TestACallForManyIsCausedByNoSingleRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		for wish := range 3 {
			go func() {
				_, _ = c.ask(trail.WithRequestID(t.Context(), fmt.Sprint("order-", wish)), fmt.Sprint(wish/2), wish)
			}()
		}
		letPass(time.Second)
		mustHaveSizes(t, c, 2, 1)
		for i, call := range c.calls {
			if want := map[int]string{1: "order-2"}[len(call)]; c.causes[i] != want {
				t.Errorf("a call for %d is caused by %q", len(call), c.causes[i])
			}
		}
	})
}

func TestABatchTakesMoreWhileItWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.patience = 900 * time.Millisecond
		for wish := range 60 {
			letPass(15 * time.Millisecond)
			go func() { _, _ = c.ask(t.Context(), "", wish) }()
		}
		letPass(time.Minute)
		mustHaveSizes(t, c, 50, 10)
	})
}

func TestWhoGivesUpTakesOnlyTheOwnWishBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.patience = time.Second
		impatient, giveUp := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		for wish := range 3 {
			ctx := t.Context()
			if wish == 0 {
				ctx = impatient // who came first
			}
			go func() {
				_, err := c.ask(ctx, "", wish)
				if (wish == 0) != errors.Is(err, gone) {
					t.Errorf("wish %d failed with %v", wish, err)
				}
			}()
			synctest.Wait()
		}
		giveUp(gone)
		letPass(time.Minute)
		mustHaveSizes(t, c, 2)
		// Where nobody is left, there is no call.
		if _, err := c.ask(impatient, "", 4); !errors.Is(err, gone) {
			t.Errorf("failed with %v", err)
		}
		letPass(time.Minute)
		mustHaveSizes(t, c, 2)
	})
}

func TestThoseWhoAreSentAwayShareOneTurnWithWhoeverComesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.refusal = &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonThrottled, RetryAfter: 20 * time.Second}
		begin := time.Now()
		var mu sync.Mutex
		comeBack := map[time.Duration]int{}
		for wish := range 70 { // one every 100 ms: those of the first 5 s fill a turn, and who comes then is refused another one
			go func() {
				_, err := c.ask(t.Context(), "", wish)
				failure := lms.AsError(err)
				if failure.Class != lms.Throttled {
					t.Errorf("wish %d failed with %v", wish, err)
				}
				mu.Lock()
				defer mu.Unlock()
				comeBack[time.Since(begin)+failure.RetryAfter]++
				time.AfterFunc(failure.RetryAfter, func() { _, _ = c.ask(t.Context(), "", wish) })
			}()
			letPass(100 * time.Millisecond)
		}
		synctest.Wait()
		first, second := 20*time.Second+gatherFor, 25*time.Second+gatherFor
		if comeBack[first] != 50 || comeBack[second] != 20 {
			t.Errorf("they come back after %v", comeBack)
		}
		c.mu.Lock()
		c.refusal = nil
		c.mu.Unlock()
		letPass(time.Minute)
		mustHaveSizes(t, c, 50, 20)
		if err := c.promises.share(meeting{}, maxBatch, time.Now()); err != nil || len(c.promises) > 0 {
			t.Errorf("after that %v is promised", c.promises)
		}
	})
}
