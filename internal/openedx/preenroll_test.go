package openedx_test

import (
	"net/http"
	"slices"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func firstLogin(config openedx.Config) openedx.Config {
	config.AccountRoute, config.EnrollmentRoute = v1alpha1.AccountRouteFirstLogin, v1alpha1.EnrollmentRouteSingle
	return config
}

func TestAPreEnrollmentBecomesAnEnrollmentAtTheFirstLogin(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	learner := newLearner()
	_, err := client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonAwaitingFirstLogin)
	for range 2 { // A repeat, as after a lost answer, changes nothing.
		if err := client.PreEnroll(t.Context(), learner.Email, openCourse); err != nil {
			t.Fatal(err)
		}
	}
	if got := standIn.PreEnrollments(learner.Email); !slices.Equal(got, []string{openCourse}) {
		t.Errorf("pre-enrolled in %q", got)
	}
	standIn.LogInFirst("zoe", learner.Email, "Zoë O'Test")
	if got, _ := standIn.Enrollment("zoe", openCourse); !got.Active {
		t.Error("the first login did not enroll")
	}
}

func TestAPreEnrollmentIsTakenBack(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	if err := client.PreEnroll(t.Context(), "New.One@acme.com", openCourse); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.CancelPreEnrollment(t.Context(), "new.one@ACME.com", openCourse); err != nil {
			t.Fatal(err)
		}
	}
	standIn.LogInFirst("one", "new.one@acme.com", "New One")
	if _, there := standIn.Enrollment("one", openCourse); there {
		t.Error("the first login enrolled all the same")
	}
}

// The LMS would pre-enroll in any of these, and let the learner in past its own rules later.
func TestACourseThatAdmitsNobodyIsNeverPreEnrolledIn(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	const closed, future, ghost = "course-v1:GK+CLOSED+2017", "course-v1:GK+FUTURE+2017", "course-v1:GK+GHOST+2017"
	standIn.AddCourse(openedxtest.CourseSpec{ID: closed, Name: "Closed", EnrollmentEndDays: new(-1)})
	standIn.AddCourse(openedxtest.CourseSpec{ID: future, Name: "Future", EnrollmentStartDays: new(1)})
	for key, reason := range map[string]string{
		closed: v1alpha1.ReasonEnrollmentClosed, future: v1alpha1.ReasonEnrollmentClosed, ghost: v1alpha1.ReasonCourseNotFound, "nonsense": v1alpha1.ReasonCourseNotFound,
	} {
		mustFail(t, client.PreEnroll(t.Context(), "new@acme.com", key), lms.Conflict, reason)
	}
	if got := callsTo(standIn, http.MethodPost, "/api/enrollment/v1/enrollment_allowed/"); got > 0 {
		t.Errorf("%d pre-enrollments were asked for", got)
	}
}

func TestWhoMayGoPastTheWindowIsPreEnrolledInAClosedCourse(t *testing.T) {
	standIn := start(t)
	config := firstLogin(configFor(standIn))
	config.EnrollPastWindow = true
	client := newClient(t, config)
	const closed = "course-v1:GK+CLOSED+2017"
	standIn.AddCourse(openedxtest.CourseSpec{ID: closed, Name: "Closed", EnrollmentEndDays: new(-1)})
	if err := client.PreEnroll(t.Context(), "new@acme.com", closed); err != nil {
		t.Fatal(err)
	}
	if got := standIn.PreEnrollments("new@acme.com"); !slices.Equal(got, []string{closed}) {
		t.Errorf("pre-enrolled in %q", got)
	}
	mustFail(t, client.PreEnroll(t.Context(), "new@acme.com", "course-v1:GK+GHOST+2017"), lms.Conflict, v1alpha1.ReasonCourseNotFound)
}

func TestARetiredLearnerIsNotWaitedFor(t *testing.T) {
	client := newClient(t, firstLogin(configFor(start(t))))
	learner := newLearner()
	learner.Email = "p.gone@acme.com"
	_, err := client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Fatal, v1alpha1.ReasonAccountRetired)
}

func TestOnTheFirstLoginRouteThePluginIsOfNoInterest(t *testing.T) {
	standIn := start(t)
	found, err := newClient(t, firstLogin(configFor(standIn))).Probe(t.Context())
	if err != nil || found.AccountRoute != string(v1alpha1.AccountRouteFirstLogin) || found.EoxCoreVersion != "" {
		t.Errorf("found %+v, %v", found, err)
	}
}
