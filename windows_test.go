package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func at(t *testing.T, zone string, year int, month time.Month, day, hour int) time.Time {
	t.Helper()
	location, err := time.LoadLocation(zone)
	must(t, err)
	return time.Date(year, month, day, hour, 0, 0, 0, location)
}

func TestAnotherTimeZoneOrAnotherDateMovesTheEdges(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.travelTo(at(t, "Europe/Berlin", 2030, 2, 28, 20))
	d := joe("000123")
	d.Enrollments = []enrollment{{"1234A", "2030-03-01", "2030-03-31"}}
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonSynced)
	setZone := func(zone string) {
		change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = zone })
	}
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("enrolled the day before")
	}
	setZone("Asia/Tokyo") // where it is the first of March
	c.waitForLMS(d.Email, "1234A", true)
	setZone("America/Los_Angeles")
	c.waitForLMS(d.Email, "1234A", false)
	c.travelTo(at(t, "America/Los_Angeles", 2030, 3, 1, 0))
	c.waitForLMS(d.Email, "1234A", true)

	d.Enrollments[0].AccessStartDate = "2030-03-10"
	c.mustPut(d, http.StatusOK)
	c.waitForLMS(d.Email, "1234A", false)
	c.travelTo(at(t, "America/Los_Angeles", 2030, 3, 10, 0)) // The clocks go forward on that day.
	c.waitForLMS(d.Email, "1234A", true)
	d.Enrollments[0].AccessEndDate = "2030-03-10"
	c.mustPut(d, http.StatusOK)
	c.travelTo(at(t, "America/Los_Angeles", 2030, 3, 10, 23))
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonSynced)
	if !c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("withdrawn an hour before the day is over")
	}
	c.travelTo(at(t, "America/Los_Angeles", 2030, 3, 11, 0))
	c.waitForLMS(d.Email, "1234A", false)
}

func TestAnEdgeThatPassedWhileNobodyWatchedIsMadeUp(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.travelTo(at(t, "Europe/Berlin", 2030, 2, 20, 12))
	d := joe("000123")
	d.Enrollments = []enrollment{{"1234A", "2030-03-01", "2030-03-31"}, {"1235A", "2030-02-01", "2030-02-28"}}
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.stop()
	c.travelTo(at(t, "Europe/Berlin", 2030, 3, 2, 12))
	c.start()
	c.waitForLMS(d.Email, "1234A", true)
	c.waitForLMS(d.Email, "1235A", false)
}

// The LMS throttles as a real one does, only faster: so a call that comes too soon is refused.
func TestManyWindowsThatOpenAtOnceKeepToTheBudgetAndHoldUpNobody(t *testing.T) {
	t.Parallel()
	const learners, callsPerMinute = 120, 600
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(callsPerMinute), openedxtest.WithoutEoxCore())
	c := newCompanyOn(t, lms, "1234A", "1235A")
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.EnrollmentRoute, platform.Spec.CallsPerMinute = v1alpha1.EnrollmentRouteSingle, callsPerMinute
	})
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	midnight := at(t, "Europe/Berlin", 2030, 3, 1, 0)
	c.travelTo(midnight.Add(-time.Hour))
	for i := range learners {
		d := joe(fmt.Sprint(i))
		lms.AddUser(openedxtest.UserSpec{Username: fmt.Sprint("user", i), Email: d.Email, Name: "Joe Smith" + d.ContactID, Active: true})
		d.Enrollments = []enrollment{{"1234A", "2030-03-01", ""}}
		c.mustPut(d, http.StatusCreated)
	}
	for i := range learners {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	if got := c.enrolledOf(learners, "1234A"); got > 0 {
		t.Errorf("%d are enrolled an hour too soon", got)
	}

	lms.ResetCalls()
	begin := time.Now()
	c.travelTo(midnight)
	c.waitForLMS(joe("0").Email, "1234A", true)
	c.mustPut(joe("live", "1235A"), http.StatusCreated)
	c.waitForLMS(joe("live").Email, "1235A", true)
	c.waitForEnrolled(learners, "1234A", learners)
	t.Logf("%d windows were worked off in %s", learners, time.Since(begin).Round(time.Second))
	calls := 0
	for _, call := range lms.Calls() {
		if call.Status == http.StatusTooManyRequests {
			t.Errorf("a call to %s came too soon", call.Route)
		}
		if call.Method == http.MethodPost && call.Path == "/api/enrollment/v1/enrollment" {
			calls++
		}
	}
	if calls != learners+1 {
		t.Errorf("%d calls to enroll %d learners", calls, learners+1)
	}
}
