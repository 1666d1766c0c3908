package openedx_test

import (
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestAnOutageOfOneCallIsNotMetByAllUntilAProbeFindsItOver(t *testing.T) {
	for name, said := range map[string]time.Duration{"SaysWhen": time.Minute, "DoesNot": 0} {
		t.Run(name, func(t *testing.T) {
			standIn := start(t)
			standIn.Fail(openedxtest.Match{Path: pathAccounts}, openedxtest.Fault{Status: http.StatusServiceUnavailable, RetryAfter: said, Times: 1})
			config := stock(configFor(standIn))
			config.Clock = clocktesting.NewFakeClock(time.Now())
			client := newClient(t, config)
			for range 5 {
				_, err := client.FindLearner(t.Context(), secretEmail)
				mustFail(t, err, lms.Transient, v1alpha1.ReasonUnreachable)
			}
			if got := callsTo(standIn, http.MethodPost, pathSearch); got != 1 {
				t.Errorf("%d calls met the outage", got)
			}
			if told := len(client.Refusals()) > 0; told != (said > 0) {
				t.Errorf("the LMS is said to refuse calls: %t", told)
			}
			// What else the LMS offers goes on.
			mustEnroll(t, client, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
			if _, err := client.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := client.FindLearner(t.Context(), secretEmail); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAThrottleOfTheLMSIsToldWithItsKindOfCalls(t *testing.T) {
	standIn := start(t)
	standIn.Fail(openedxtest.Match{Path: pathEnrollment}, openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Minute, Times: 1})
	clock := clocktesting.NewFakeClock(time.Now())
	config := stock(configFor(standIn))
	config.Clock = clock
	client := newClient(t, config)
	if got := client.Refusals(); got != nil {
		t.Errorf("refuses %v before it was asked", got)
	}
	_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
	for _, left := range []time.Duration{time.Minute, 20 * time.Second} {
		refusals := client.Refusals()
		if len(refusals) != 1 || refusals[0].RetryAfter != left || refusals[0].Message != "Calls about enrollments: The LMS takes no more calls for now." {
			t.Fatalf("refuses %v", refusals)
		}
		clock.Step(40 * time.Second)
	}
	if got := client.Refusals(); got != nil {
		t.Errorf("refuses %v after the time is up", got)
	}
}

func TestASpentBudgetIsNoRefusalOfTheLMS(t *testing.T) {
	standIn := start(t)
	config := stock(configFor(standIn))
	config.CallsPerMinute, config.Clock = 1, clocktesting.NewFakeClock(time.Now())
	client := newClient(t, config)
	mustEnroll(t, client, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
	_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
	if got := client.Refusals(); got != nil {
		t.Errorf("refuses %v", got)
	}
}

func TestTheMetricsOfAPlatformGoOnWithTheNextClientAndEndWithTheLast(t *testing.T) {
	standIn := start(t)
	config := stock(configFor(standIn))
	config.Name, config.MaxCallsInFlight = "north/default", 3
	first := newClient(t, config)
	mustEnroll(t, first, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
	before := seriesOf(t, config.Name)

	config.MaxCallsInFlight = 5
	second := newClient(t, config)
	second.Inherit(first)
	mustEnroll(t, second, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse})
	if _, err := second.LookUpCourse(lms.WithLane(t.Context(), lms.Background), openCourse); err != nil {
		t.Fatal(err)
	}
	got := seriesOf(t, config.Name)
	if len(got) != len(before) {
		t.Errorf("%d series of two clients, %d of one", len(got), len(before))
	}
	for series, want := range map[string]float64{
		"rollcall_lms_turns_total budget live":            2,
		"rollcall_lms_turns_total in_flight background":   1,
		"rollcall_lms_sent_away_total budget live":        0,
		"rollcall_lms_waiting_calls budget retry":         0,
		"rollcall_lms_oldest_wait_seconds in_flight":      0,
		"rollcall_lms_promised_seconds budget background": 0,
		"rollcall_lms_budget_calls_per_minute":            100_000,
		"rollcall_lms_calls_in_flight in_flight":          0,
		"rollcall_lms_calls_in_flight_limit in_flight":    5,
		"rollcall_lms_gate_shut enrollments":              0,
	} {
		if value, there := got[series]; !there || value != want {
			t.Errorf("%s is %v (there: %t), want %v", series, value, there, want)
		}
	}

	if err := first.Close(); err != nil || len(seriesOf(t, config.Name)) != len(before) {
		t.Errorf("the client that was replaced ended the metrics of the next, %v", err)
	}
	if err := second.Close(); err != nil || len(seriesOf(t, config.Name)) != 0 {
		t.Errorf("left behind: %v, %v", seriesOf(t, config.Name), err)
	}
}

func TestEveryCallOfTheBudgetIsCounted(t *testing.T) {
	standIn := withPool(t, 1)
	config := bulk(configFor(standIn))
	config.Name = "north/counted"
	client := probed(t, standIn, config)
	counted := func() float64 { return seriesOf(t, config.Name)["rollcall_lms_turns_total budget live"] }
	if got := counted(); got > 0 {
		t.Errorf("%v calls of a probe are counted", got)
	}
	ofBudget := 0.0
	mustCount := func(about string, calls float64) {
		t.Helper()
		if ofBudget += calls; counted() != ofBudget {
			t.Errorf("%v calls are counted after %s, want %v", counted(), about, ofBudget)
		}
	}
	mustEnroll(t, client, lms.EnrollmentRequest{Username: poolUser(0), CourseKey: openCourse})
	mustCount("a batch of three", 3)
	if err := client.Withdraw(t.Context(), poolUser(0), openCourse); err != nil {
		t.Fatal(err)
	}
	mustCount("a withdrawal and its follow-up", 2)
	standIn.Fail(openedxtest.Match{Method: http.MethodGet, Path: pathEnrollment}, openedxtest.Fault{Status: http.StatusUnauthorized, Times: 1})
	if _, err := client.ReadEnrollment(t.Context(), poolUser(0), openCourse); err != nil {
		t.Fatal(err)
	}
	mustCount("a call that was repeated with a new token", 2)
}

// seriesOf gives the values of a platform's metrics, by name and labels.
func seriesOf(t *testing.T, platform string) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series, ours := family.GetName(), false
			for _, label := range []string{"calls", "limit", "lane"} {
				for _, pair := range metric.GetLabel() {
					ours = ours || pair.GetName() == "platform" && pair.GetValue() == platform
					if pair.GetName() == label {
						series += " " + pair.GetValue()
					}
				}
			}
			if ours {
				found[series] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			}
		}
	}
	return found
}
