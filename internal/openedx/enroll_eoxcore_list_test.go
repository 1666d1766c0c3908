package openedx_test

import (
	"net/http"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestListsToEoxCoreAreTakenApart(t *testing.T) {
	const learners = 40
	standIn := withPool(t, learners)
	standIn.AddCourse(openedxtest.CourseSpec{ID: "course-v1:GK+CLOSED+2017", Name: "Closed", Modes: []openedxtest.ModeSpec{{Slug: "audit"}}, EnrollmentEndDays: new(-1)})
	standIn.Enroll(poolUser(0), openCourse, "verified")
	client := probed(t, standIn, eoxCore(configFor(standIn)))
	bad := []struct {
		wish   lms.EnrollmentRequest
		reason string
	}{
		{lms.EnrollmentRequest{Username: "nobody", CourseKey: openCourse, Mode: "audit"}, v1alpha1.ReasonLearnerNotFound},
		{lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, Mode: "nonsense"}, v1alpha1.ReasonModeUnavailable},
		{lms.EnrollmentRequest{Username: "jchen", CourseKey: "course-v1:GK+GHOST+2017", Mode: "audit"}, v1alpha1.ReasonCourseNotFound},
		{lms.EnrollmentRequest{Username: "jchen", CourseKey: "course-v1:GK+CLOSED+2017", Mode: "audit"}, v1alpha1.ReasonEnrollmentClosed},
	}
	atOnce(learners+len(bad), func(i int) {
		if i >= learners {
			_, err := client.Enroll(t.Context(), bad[i-learners].wish)
			if failure := lms.AsError(err); failure.Class != lms.Conflict || failure.Reason != bad[i-learners].reason {
				t.Errorf("failed with %v, want %s", err, bad[i-learners].reason)
			}
			return
		}
		// The first one was enrolled, in another mode.
		got, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: poolUser(i), CourseKey: openCourse, Mode: "audit"})
		if want := (lms.Enrollment{Mode: "audit", Active: true}); err != nil || got != want {
			t.Errorf("%s is enrolled as %+v, %v", poolUser(i), got, err)
		}
	})
	for i := range learners {
		mustHaveMode(t, standIn, poolUser(i), openCourse, "audit")
	}
	if calls := callsTo(standIn, http.MethodPost, pathEoxEnroll); calls > learners/2 {
		t.Errorf("%d calls", calls)
	}
}

func TestWhereEoxCoreFailsOnAListEachIsAskedSingly(t *testing.T) {
	standIn := withPool(t, 10)
	client := probed(t, standIn, eoxCore(configFor(standIn)))
	standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEoxEnroll}, openedxtest.Fault{Status: http.StatusInternalServerError, Times: 1})
	atOnce(10, func(i int) {
		if _, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: poolUser(i), CourseKey: openCourse, Mode: "audit"}); err != nil {
			t.Errorf("%s: %v", poolUser(i), err)
		}
	})
}
