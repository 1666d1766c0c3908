package openedx_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// Each attempt counts against the LMS's limit, also one that is refused.
func TestARefusedRegistrationIsLeftAloneByAllLearners(t *testing.T) {
	refused := func(status int) func(*openedxtest.Server) {
		return func(standIn *openedxtest.Server) {
			standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathRegistration}, openedxtest.Fault{Status: status, Times: 1})
		}
	}
	for name, test := range map[string]struct {
		limit  string
		refuse func(*openedxtest.Server)
		reason string
	}{
		"Limited": {"1/1h", func(*openedxtest.Server) {}, v1alpha1.ReasonRegistrationLimited},
		"Closed":  {"60/7d", refused(http.StatusForbidden), v1alpha1.ReasonRegistrationClosed},
		"Hidden":  {"60/7d", refused(http.StatusNotFound), v1alpha1.ReasonRegistrationClosed},
	} {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Now())
			world := openedxtest.DemoWorld()
			world.Settings.RegistrationRateLimit = test.limit
			standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithClock(clock))
			config := stock(configFor(standIn))
			config.Clock = clock
			client := newClient(t, config)
			mustCreate(t, client)
			test.refuse(standIn)
			standIn.ResetCalls()

			var message string
			for range 10 {
				_, err := client.CreateLearner(t.Context(), newLearner())
				failure := failureOf(t, err, lms.Throttled, test.reason)
				if message == "" {
					message = failure.Message
				}
				// Each gets a turn of the own after it.
				if !failure.PlatformWide || failure.RetryAfter < time.Hour || failure.RetryAfter > time.Hour+10*time.Second || failure.Message != message {
					t.Errorf("platform-wide %t, again after %s, as %q", failure.PlatformWide, failure.RetryAfter, failure.Message)
				}
			}
			if got := callsTo(standIn, http.MethodPost, pathRegistration); got != 1 {
				t.Errorf("tried %d times", got)
			}
			// Who has an account is served.
			if _, err := client.FindLearner(t.Context(), secretEmail); err != nil {
				t.Error(err)
			}
			mustEnroll(t, client, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
			clock.Step(time.Hour)
			mustCreate(t, client)
		})
	}
}

// The LMS allows few attempts in days, and counts refused ones too.
func TestOneLearnerFindsOutWhetherNewAccountsAreStillLimited(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	world := openedxtest.DemoWorld()
	world.Settings.RegistrationRateLimit = "1/1000d" // a window that does not end meanwhile
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithClock(clock))
	config := stock(configFor(standIn))
	config.Clock = clock
	client := newClient(t, config)
	mustCreate(t, client)
	_, err := client.CreateLearner(t.Context(), newLearner())
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonRegistrationLimited)
	standIn.ResetCalls()

	for pause := range 3 {
		clock.Step(time.Hour)
		mustBeLimited(t, client, 0)
		var learners sync.WaitGroup
		for range 2 { // More are sent away before that is known.
			learners.Go(func() {
				_, err := client.CreateLearner(t.Context(), newLearner())
				if failure := lms.AsError(err); err == nil || failure.Reason != v1alpha1.ReasonRegistrationLimited || failure.RetryAfter < time.Hour {
					t.Errorf("got %v", err)
				}
			})
		}
		learners.Wait()
		if got := callsTo(standIn, http.MethodPost, pathRegistration); got != pause+1 {
			t.Fatalf("%d learners have tried in %d pauses", got, pause+1)
		}
		mustBeLimited(t, client, time.Hour)
	}

	standIn.SetRegistrationRateLimit("1000/1000d")
	clock.Step(time.Hour)
	mustCreate(t, client)
	if refusals := client.Refusals(); refusals != nil {
		t.Errorf("refuses %v after an account was made", refusals)
	}
}

func TestALimitOnNewAccountsIsNoneForAnotherRoute(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.Settings.RegistrationRateLimit = "0/7d"
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	config := stock(configFor(standIn))
	before := newClient(t, config)
	_, err := before.CreateLearner(t.Context(), newLearner())
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonRegistrationLimited)
	if got := len(before.Refusals()); got != 1 {
		t.Fatalf("%d refusals", got)
	}
	after := newClient(t, eoxCore(config))
	after.Inherit(before)
	if _, err := after.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if refusals := after.Refusals(); refusals != nil {
		t.Errorf("refuses %v", refusals)
	}
}

// mustBeLimited asserts that the LMS's limit is told, with the setting to raise and the time until it is tried again.
func mustBeLimited(t *testing.T, client *openedx.Client, left time.Duration) {
	t.Helper()
	refusals := client.Refusals()
	if len(refusals) != 1 || refusals[0].Reason != v1alpha1.ReasonRegistrationLimited || refusals[0].RetryAfter != left ||
		!strings.HasPrefix(refusals[0].Message, "The LMS's limit on new accounts is reached. Raise REGISTRATION_RATELIMIT") {
		t.Fatalf("refuses %v, want to try again in %s", refusals, left)
	}
}
