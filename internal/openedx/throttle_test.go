package openedx

import (
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

func newTestThrottles() (*throttles, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return newThrottles(Config{CallsPerMinute: 62, MaxCallsInFlight: 2, Clock: clock}), clock
}

func TestAGateShutsForItsKindOfCallsOnly(t *testing.T) {
	throttles, clock := newTestThrottles()
	refuse(&throttles.enrollments.gate, time.Minute, clock.Now())
	for _, c := range calls {
		taken, err := throttles.of(c).admit(asProbe(t.Context()))
		shared := slices.Contains([]call{
			callRoles, callReadEnrollment, callListEnrollments, callWriteEnrollment, callBulkInfo, callBulkEnroll,
			callReadPreEnrollments, callPreEnroll, callCancelPreEnroll,
		}, c)
		if (err != nil) != shared {
			t.Errorf("%s: %v", c, err)
		}
		if err == nil {
			taken.end(resultServed)
		}
	}
	if got := refuse(&throttles.tokens.gate, 0, clock.Now()); got != time.Minute {
		t.Errorf("the token endpoint is left alone for %s", got)
	}
}

func TestThoseWhoMeetAShutGateComeBackOneAfterTheOther(t *testing.T) {
	throttles, clock := newTestThrottles()
	refuse(&throttles.enrollments.gate, time.Minute, clock.Now())
	for turn := range 5 {
		_, err := throttles.enrollments.admit(t.Context())
		if want, got := time.Minute+time.Duration(turn)*time.Second, lms.AsError(err).RetryAfter; got.Round(time.Millisecond) != want {
			t.Errorf("one comes back after %s, want %s", got, want)
		}
	}
}

func TestAGateThatShutsWhileACallWaits(t *testing.T) {
	throttles, clock := newTestThrottles()
	t.Run("for its turn", func(t *testing.T) {
		if _, err := throttles.enrollments.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused := make(chan error)
		go func() {
			_, err := throttles.enrollments.admit(t.Context())
			refused <- err
		}()
		waitForTimer(t, clock)
		refuse(&throttles.enrollments.gate, 30*time.Second, clock.Now())
		clock.Step(time.Second)
		if failure := lms.AsError(<-refused); failure.Class != lms.Throttled || failure.RetryAfter < 29*time.Second {
			t.Errorf("got %v after %s", failure, failure.RetryAfter)
		}
	})
	t.Run("for a place", func(t *testing.T) {
		var taken []*pass
		for range 2 {
			one, err := throttles.others.admit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, one)
		}
		refused := make(chan error)
		go func() {
			_, err := throttles.others.admit(t.Context())
			refused <- err
		}()
		waitForTimer(t, clock)
		refuse(&throttles.others.gate, 30*time.Second, clock.Now())
		for _, one := range taken {
			one.end(resultServed)
		}
		if failure := lms.AsError(<-refused); failure.Class != lms.Throttled {
			t.Errorf("got %v", failure)
		}
		if throttles.inFlight.taken != 0 {
			t.Errorf("%d places are taken by nobody", throttles.inFlight.taken)
		}
	})
}

func TestLimitsAreInheritedByTheSameUserOnly(t *testing.T) {
	base := Config{URL: "https://learn.example.com", ClientID: "a", ClientSecret: "b", CallsPerMinute: 62, MaxCallsInFlight: 2}
	for name, test := range map[string]struct {
		change   func(*Config)
		inherits bool
	}{
		"new secret":    {func(c *Config) { c.ClientSecret = "c" }, true},
		"other routes":  {func(c *Config) { c.AccountRoute = v1alpha1.AccountRouteEoxCore }, true},
		"larger budget": {func(c *Config) { c.CallsPerMinute, c.MaxCallsInFlight = 120, 6 }, true},
		"other client":  {func(c *Config) { c.ClientID = "c" }, false},
		"other LMS":     {func(c *Config) { c.URL = "https://other.example.com" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := base
			config.Clock = clocktesting.NewFakeClock(noon)
			before := mustNew(t, config)
			mustEnter(t, before.throttles.enrollments.queue, lms.Live)
			underWay, err := before.admit(t.Context(), callCourse)
			if err != nil {
				t.Fatal(err)
			}
			refuse(&before.throttles.registrations.gate, time.Hour, noon)

			test.change(&config)
			after := mustNew(t, config)
			pace := after.throttles.pace
			after.Inherit(before)
			limiter := after.throttles.pace.limiter
			if spent := limiter.TokensAt(noon) < 1; spent != test.inherits {
				t.Errorf("%v calls are left", limiter.TokensAt(noon))
			}
			if limiter.Limit() != pace.limiter.Limit() || limiter.Burst() != pace.limiter.Burst() || after.throttles.pace.callsPerMinute != config.CallsPerMinute {
				t.Errorf("the pace is %v with %d at once, want %v with %d", limiter.Limit(), limiter.Burst(), pace.limiter.Limit(), pace.limiter.Burst())
			}
			if places := after.throttles.inFlight; (places.taken == 1) != test.inherits || places.limit != config.MaxCallsInFlight {
				t.Errorf("%d of %d places are taken", places.taken, places.limit)
			}
			if shut := after.throttles.registrations.gate.isShut(noon); shut != test.inherits {
				t.Errorf("the gate is shut: %t", shut)
			}
			underWay.end(resultServed)
			if left := after.throttles.inFlight.taken; left != 0 {
				t.Errorf("%d places are taken after all calls have ended", left)
			}
		})
	}
}

func mustNew(t *testing.T, config Config) *Client {
	t.Helper()
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
