package openedx

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

func newTestLane(callsPerMinute int) (*lane, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return newLanes(callsPerMinute, clock)[callWriteEnrollment], clock
}

// newSlowLane admits one a second.
func newSlowLane() (*lane, *clocktesting.FakeClock) { return newTestLane(62) }

// refuse shuts the lane as a throttle of the LMS does, and gives for how long.
func refuse(l *lane, said time.Duration) time.Duration {
	refusal := &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonThrottled, PlatformWide: true, RetryAfter: said}
	l.shut(refusal)
	return refusal.RetryAfter
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

func TestTheBudgetHoldsInAnyMinuteAndCanBeUsed(t *testing.T) {
	const minutes = 5
	for _, budget := range []int{1, 10, 24, 25, 49, 50, 100, 120, 1000} {
		lane, clock := newTestLane(budget)
		var went []time.Time
		for range minutes * 60 * 100 {
			for lane.admit(withoutPatience(t), false) == nil {
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
		lane, clock := newTestLane(budget)
		went := 0
		for end := clock.Now().Add(time.Minute + unevenness); clock.Now().Before(end); clock.Step(10 * time.Millisecond) {
			for lane.admit(withoutPatience(t), false) == nil {
				went++
			}
		}
		if err := lane.admit(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if went+1 > budget {
			t.Errorf("%d calls with a budget of %d", went+1, budget)
		}
	}
}

// withoutPatience is a context of a caller who does not wait even for a moment.
func withoutPatience(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestShortWaitsAreWaitedOut(t *testing.T) {
	lane, clock := newSlowLane()
	mustGo(t, lane)
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

func TestWhoIsSentAwayGetsATurnOfHisOwn(t *testing.T) {
	lane, clock := newSlowLane()
	mustGo(t, lane)
	if err := lane.admit(t.Context(), true); err != nil { // The turn of the next second is taken too.
		t.Fatal(err)
	}
	for turn := 2; turn <= 10; turn++ {
		mustWait(t, lane, time.Duration(turn)*time.Second)
	}
	clock.Step(5 * time.Second)
	mustGo(t, lane) // Whoever comes when there is room goes.
	for range 2000 {
		err := lms.AsError(lane.admit(withoutPatience(t), false))
		if err.RetryAfter > maxPromise {
			t.Fatalf("a turn in %s is promised", err.RetryAfter)
		}
	}
}

func TestAShortWaitEndsWithItsContext(t *testing.T) {
	lane, clock := newSlowLane()
	mustGo(t, lane)
	err := lane.admit(withoutPatience(t), false)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	// Its turn is free for another.
	clock.Step(time.Second)
	mustGo(t, lane)
}

func TestAProbeGoesAhead(t *testing.T) {
	lane, _ := newSlowLane()
	mustGo(t, lane)
	if err := lane.admit(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	mustWait(t, lane, 2*time.Second)
}

func TestGateHonoursRetryAfter(t *testing.T) {
	lane, clock := newTestLane(100)
	mustGo(t, lane)
	if got := refuse(lane, 58*time.Second); got != 58*time.Second {
		t.Errorf("shut for %s", got)
	}
	mustWait(t, lane, 58*time.Second)
	// A call that was under way with it was refused a moment later: the longer one holds.
	clock.Step(time.Second)
	refuse(lane, 5*time.Second)
	mustWait(t, lane, 57*time.Second)
	if err := lane.admit(t.Context(), true); err == nil {
		t.Error("a shut gate is shut for a probe too")
	}
	clock.Step(57 * time.Second)
	mustGo(t, lane)
}

func TestAShutGateSaysAgainWhy(t *testing.T) {
	lane, clock := newTestLane(100)
	lane.shut(&lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonRegistrationClosed, Message: "Closed.", PlatformWide: true, RetryAfter: time.Hour})
	clock.Step(time.Minute)
	mustWait(t, lane, 59*time.Minute)
	if again := lms.AsError(lane.admit(t.Context(), true)); again.Reason != v1alpha1.ReasonRegistrationClosed || again.Message != "Closed." {
		t.Errorf("it says %v", again)
	}
}

func TestGateBacksOffByItself(t *testing.T) {
	lane, clock := newTestLane(100)
	for _, seconds := range []int{10, 20, 40, 80, 160, 300, 300} {
		want := time.Duration(seconds) * time.Second
		if got := refuse(lane, 0); got != want {
			t.Fatalf("shut for %s, want %s", got, want)
		}
		// Refusals of calls that were under way together count once.
		if got := refuse(lane, 0); got != want {
			t.Fatalf("a refusal at the same time makes it %s, want %s", got, want)
		}
		mustWait(t, lane, want)
		clock.Step(want)
	}
	mustGo(t, lane)
	lane.served()
	if got := refuse(lane, 0); got != 10*time.Second {
		t.Errorf("after a success it shuts for %s", got)
	}
}

func TestGateThatShutsWhileACallWaits(t *testing.T) {
	lane, clock := newSlowLane()
	mustGo(t, lane)
	admitted := make(chan error)
	go func() { admitted <- lane.admit(t.Context(), false) }()
	waitForTimer(t, clock)
	refuse(lane, 30*time.Second)
	clock.Step(time.Second)
	if refused := lms.AsError(<-admitted); refused.Class != lms.Throttled || refused.RetryAfter != 29*time.Second {
		t.Errorf("got %v after %s", refused, refused.RetryAfter)
	}
}

func TestLanesAreApart(t *testing.T) {
	lanes := newLanes(100, clocktesting.NewFakeClock(noon))
	refuse(lanes[callWriteEnrollment], time.Minute)
	for _, c := range calls {
		err := lanes[c].admit(t.Context(), false)
		shared := slices.Contains([]call{callRoles, callReadEnrollment, callWriteEnrollment, callPreEnroll, callCancelPreEnroll}, c)
		if (err != nil) != shared {
			t.Errorf("%s: %v", c, err)
		}
	}
	if got := refuse(lanes[callToken], 0); got != time.Minute {
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
