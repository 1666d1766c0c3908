package main

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const bulkPath = "/api/bulk_enroll/v1/bulk_enroll"

func TestTheBestRouteIsTakenAndAnotherOneWhenItIsGone(t *testing.T) {
	t.Parallel()
	const learners = 40
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore())
	c := newCompanyWith(t, lms, &travelClock{}, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.EnrollPastCapacity, spec.CallsPerMinute = new(true), 100_000
	}, "1234A", "1235A")
	c.waitForEnrollmentRoute(v1alpha1.EnrollmentRouteBulk, true)
	for i := range learners {
		c.mustPut(joe(fmt.Sprint("bulk-", i), "1234A", "1235A"), http.StatusCreated)
	}
	for i := range learners {
		c.waitForContact(fmt.Sprint("bulk-", i), v1alpha1.ReasonSynced)
		for _, code := range []string{"1234A", "1235A"} {
			if got := c.waitForEnrollment(fmt.Sprint("bulk-", i), code, v1alpha1.ReasonSynced).Status.Mode; got != "audit" {
				t.Errorf("the mode is %q", got)
			}
		}
	}
	if calls := c.callsTo(bulkPath); calls == 0 || calls >= 2*learners {
		t.Errorf("%d calls in bulk for %d enrollments", calls, 2*learners)
	}

	c.lms.Fail(openedxtest.Match{Path: bulkPath}, openedxtest.Fault{Status: http.StatusNotFound})
	c.mustPut(joe("single", "1234A"), http.StatusCreated)
	c.waitForContact("single", v1alpha1.ReasonSynced)
	c.waitForEnrollmentRoute(v1alpha1.EnrollmentRouteSingle, false)

	c.lms.ClearFaults()
	c.requestCheck(c.defaultPlatform())
	c.waitForEnrollmentRoute(v1alpha1.EnrollmentRouteBulk, true)
}

func (c *company) waitForEnrollmentRoute(route v1alpha1.EnrollmentRoute, inBulk bool) {
	c.t.Helper()
	platform := c.defaultPlatform()
	c.eventually("the route is "+string(route), func() error {
		must(c.t, c.Get(c.t.Context(), client.ObjectKeyFromObject(platform), platform))
		if status := platform.Status; status.EnrollmentRoute != route || status.BulkEnroll == nil || *status.BulkEnroll != inBulk {
			return errors.New("it is " + string(status.EnrollmentRoute))
		}
		return nil
	})
}

func TestAClosedCourseIsAConflictUntilThePlatformAllowsToGoPastIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1235A")
	c.lms.AddCourse(openedxtest.CourseSpec{ID: courseKey("1235A"), Name: "Closed", EnrollmentEndDays: new(-1)})
	c.mustPut(joe("000123", "1235A"), http.StatusCreated)
	c.waitForEnrollment("000123", "1235A", v1alpha1.ReasonEnrollmentClosed)
	platform := c.defaultPlatform()
	must(t, c.Patch(t.Context(), platform, client.RawPatch(types.MergePatchType, []byte(`{"spec": {"enrollPastWindow": true}}`))))
	c.waitForEnrollment("000123", "1235A", v1alpha1.ReasonSynced)
}
