package openedx_test

import (
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
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
				if !failure.PlatformWide || failure.RetryAfter != time.Hour || failure.Message != message {
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
