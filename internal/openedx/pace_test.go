package openedx_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// leapingClock stands still until somebody waits, and then it is as late at once.
type leapingClock struct{ *clocktesting.FakeClock }

func newLeapingClock() leapingClock { return leapingClock{clocktesting.NewFakeClock(time.Now())} }

// NewTimer gives a timer that fires.
func (c leapingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

// mustRead makes one throttled call, and comes back as often as it is sent away.
func (c leapingClock) mustRead(t *testing.T, client *openedx.Client) {
	t.Helper()
	for {
		err := client.Withdraw(t.Context(), "sberg", openCourse) // who is not enrolled: nothing is written
		if err == nil {
			return
		}
		failure := lms.AsError(err)
		if failure.Class != lms.Throttled {
			t.Fatal(err)
		}
		c.Step(failure.RetryAfter)
	}
}

func TestABudgetAsHighAsTheThrottleIsNeverRefusedAndIsUsed(t *testing.T) {
	const throttle, minutes = 120, 5
	leaping := newLeapingClock()
	standIn := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(throttle), openedxtest.WithClock(leaping))
	config := stock(configFor(standIn))
	config.CallsPerMinute, config.Clock = throttle, leaping
	client := newClient(t, config)

	for end := leaping.Now().Add(minutes * time.Minute); leaping.Now().Before(end); {
		for range 50 {
			leaping.mustRead(t, client)
		}
		// It goes ahead of its turn, and so may come when the minute is full.
		if _, err := client.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	used := 0
	for _, call := range standIn.Calls() {
		if call.Status == http.StatusTooManyRequests {
			t.Fatalf("the LMS had to refuse call %d", used+1)
		}
		if strings.HasPrefix(call.Path, "/api/enrollment/v1/") {
			used++
		}
	}
	if most := throttle * minutes; used < most*95/100 {
		t.Errorf("used %d of %d calls", used, most)
	}
}

// The LMS counts over a sliding minute, whatever the lane.
func TestABackgroundNextToLiveWorkIsServedAndNothingIsRefused(t *testing.T) {
	const throttle, minutes = 120, 5
	leaping := newLeapingClock()
	standIn := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(throttle), openedxtest.WithClock(leaping))
	config := stock(configFor(standIn))
	config.CallsPerMinute, config.Clock = throttle, leaping
	client := newClient(t, config)

	var served [2]int
	back := [2]time.Time{leaping.Now(), leaping.Now()} // when the one of each lane comes back
	for end := leaping.Now().Add(minutes * time.Minute); leaping.Now().Before(end); {
		i, lane := 0, lms.Live
		if back[1].Before(back[0]) {
			i, lane = 1, lms.Background
		}
		leaping.Step(max(0, back[i].Sub(leaping.Now())))
		err := client.Withdraw(lms.WithLane(t.Context(), lane), "sberg", openCourse)
		back[i] = leaping.Now()
		if err == nil {
			served[i]++
			continue
		}
		failure := failureOf(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
		back[i] = back[i].Add(failure.RetryAfter)
	}
	for _, call := range standIn.Calls() {
		if call.Status == http.StatusTooManyRequests {
			t.Fatal("the LMS had to refuse a call")
		}
	}
	if most := throttle * minutes; served[0]+served[1] < most*95/100 || served[1] < most/20 {
		t.Errorf("%d live calls and %d others of %d", served[0], served[1], most)
	}
}

func TestARepeatAfterANewTokenIsCounted(t *testing.T) {
	const oneASecond = 62
	leaping := newLeapingClock()
	standIn := start(t)
	config := stock(configFor(standIn))
	config.CallsPerMinute, config.Clock = oneASecond, leaping
	client := newClient(t, config)
	begin := leaping.Now()
	for range 10 {
		standIn.Fail(openedxtest.Match{Path: pathEnrollment}, openedxtest.Fault{Status: http.StatusUnauthorized, Times: 1})
		leaping.mustRead(t, client)
	}
	calls := callsTo(standIn, http.MethodGet, pathEnrollment)
	if took := leaping.Since(begin); calls != 20 || took < 18*time.Second {
		t.Errorf("%d calls in %s", calls, took)
	}
}

// With turns a minute apart, nobody waits for the second of two: it goes ahead, and who comes next waits for longer.
func TestWhatTakesTwoCallsIsDoneWithinTheSmallestBudget(t *testing.T) {
	leaping := newLeapingClock()
	standIn := start(t)
	config := stock(configFor(standIn))
	config.CallsPerMinute, config.Clock = 1, leaping
	client := newClient(t, config)
	standIn.Enroll("sberg", openCourse, "audit")
	if err := client.Withdraw(t.Context(), "sberg", openCourse); err != nil {
		t.Fatalf("withdrawal: %v", err)
	}
	if got, _ := standIn.Enrollment("sberg", openCourse); got.Active {
		t.Error("the learner is still enrolled")
	}
	failure := failureOf(t, client.Withdraw(t.Context(), "sberg", openCourse), lms.Throttled, v1alpha1.ReasonThrottled)
	if failure.RetryAfter < 2*time.Minute-time.Second {
		t.Errorf("the next comes after %s, which makes more than a call a minute", failure.RetryAfter)
	}
}
