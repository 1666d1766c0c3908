package openedx

import (
	"context"
	"errors"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/internal/lms"
)

func newTestLane(callsPerMinute int) (*lane, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return newLanes(callsPerMinute, clock)[callWriteEnrollment], clock
}

// mustWait asserts that the lane sends a call away, and for how long.
func mustWait(t *testing.T, l *lane, want time.Duration) {
	t.Helper()
	err := l.admit(t.Context(), false)
	var refused *lms.Error
	if !errors.As(err, &refused) {
		t.Fatalf("admitted, or failed with %v", err)
	}
	if refused.Class != lms.Throttled || !refused.PlatformWide || refused.RetryAfter.Round(time.Millisecond) != want {
		t.Fatalf("class %s, platform-wide %t, after %s; want to come back after %s", refused.Class, refused.PlatformWide, refused.RetryAfter, want)
	}
}

func mustGo(t *testing.T, l *lane) {
	t.Helper()
	if err := l.admit(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

func TestBudgetStaysBelowTheThrottle(t *testing.T) {
	const budget, throttle = 100, 120
	lane, clock := newTestLane(budget)
	var went []time.Time
	for range 3 * 60 * 10 {
		for lane.admit(withoutPatience(t), false) == nil {
			went = append(went, clock.Now())
		}
		clock.Step(100 * time.Millisecond)
	}
	for i, start := range went {
		inAMinute := 0
		for _, at := range went[i:] {
			if at.Sub(start) < time.Minute {
				inAMinute++
			}
		}
		if inAMinute > throttle {
			t.Fatalf("%d calls within a minute", inAMinute)
		}
	}
	if len(went) < 3*budget*95/100 {
		t.Errorf("only %d calls in three minutes", len(went))
	}
}

// withoutPatience is a context of a caller who does not wait even for a moment.
func withoutPatience(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestShortWaitsAreWaitedOut(t *testing.T) {
	lane, clock := newTestLane(60) // one a second, six at once
	for range 6 {
		mustGo(t, lane)
	}
	admitted := make(chan error)
	go func() { admitted <- lane.admit(t.Context(), false) }()
	waitForTimer(t, clock)
	// The next free turn is more than a second away.
	mustWait(t, lane, 2*time.Second)
	clock.Step(time.Second)
	if err := <-admitted; err != nil {
		t.Fatal(err)
	}
}

func TestAShortWaitEndsWithItsContext(t *testing.T) {
	lane, clock := newTestLane(60)
	for range 6 {
		mustGo(t, lane)
	}
	err := lane.admit(withoutPatience(t), false)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	// Its turn is free for another.
	clock.Step(time.Second)
	mustGo(t, lane)
}

func TestAProbeGoesAhead(t *testing.T) {
	lane, _ := newTestLane(60)
	for range 6 {
		mustGo(t, lane)
	}
	if err := lane.admit(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	mustWait(t, lane, 2*time.Second)
}

func TestGateHonoursRetryAfter(t *testing.T) {
	lane, clock := newTestLane(100)
	mustGo(t, lane)
	if got := lane.shut(58 * time.Second); got != 58*time.Second {
		t.Errorf("shut for %s", got)
	}
	mustWait(t, lane, 58*time.Second)
	// A call that was under way with it was refused a moment later: the longer one holds.
	clock.Step(time.Second)
	lane.shut(5 * time.Second)
	mustWait(t, lane, 57*time.Second)
	if err := lane.admit(t.Context(), true); err == nil {
		t.Error("a shut gate is shut for a probe too")
	}
	clock.Step(57 * time.Second)
	mustGo(t, lane)
}

func TestGateBacksOffByItself(t *testing.T) {
	lane, clock := newTestLane(100)
	for _, seconds := range []int{10, 20, 40, 80, 160, 300, 300} {
		want := time.Duration(seconds) * time.Second
		if got := lane.shut(0); got != want {
			t.Fatalf("shut for %s, want %s", got, want)
		}
		// Refusals of calls that were under way together count once.
		if got := lane.shut(0); got != want {
			t.Fatalf("a refusal at the same time makes it %s, want %s", got, want)
		}
		mustWait(t, lane, want)
		clock.Step(want)
	}
	mustGo(t, lane)
	lane.served()
	if got := lane.shut(0); got != 10*time.Second {
		t.Errorf("after a success it shuts for %s", got)
	}
}

func TestGateThatShutsWhileACallWaits(t *testing.T) {
	lane, clock := newTestLane(60)
	for range 6 {
		mustGo(t, lane)
	}
	admitted := make(chan error)
	go func() { admitted <- lane.admit(t.Context(), false) }()
	waitForTimer(t, clock)
	lane.shut(30 * time.Second)
	clock.Step(time.Second)
	if refused := lms.AsError(<-admitted); refused.Class != lms.Throttled || refused.RetryAfter != 29*time.Second {
		t.Errorf("got %v after %s", refused, refused.RetryAfter)
	}
}

func TestLanesAreApart(t *testing.T) {
	lanes := newLanes(100, clocktesting.NewFakeClock(noon))
	lanes[callWriteEnrollment].shut(time.Minute)
	for _, c := range calls {
		err := lanes[c].admit(t.Context(), false)
		shared := c == callRoles || c == callReadEnrollment || c == callWriteEnrollment
		if (err != nil) != shared {
			t.Errorf("%s: %v", c, err)
		}
	}
	if got := lanes[callToken].shut(0); got != time.Minute {
		t.Errorf("the token endpoint is left alone for %s", got)
	}
}

// waitForTimer returns once somebody waits for the clock.
func waitForTimer(t *testing.T, clock *clocktesting.FakeClock) {
	t.Helper()
	for !clock.HasWaiters() {
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
	}
}
