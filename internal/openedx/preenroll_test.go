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
	config.EnrollPastCapacity = true
	return config
}

// mustPreEnroll asserts whether the address is enrolled in advance now.
func mustPreEnroll(t *testing.T, client *openedx.Client, email, course string, want bool) {
	t.Helper()
	if got, err := client.PreEnroll(t.Context(), email, course); err != nil || got != want {
		t.Fatalf("enrolled in advance: %v, %v", got, err)
	}
}

// mustMayPreEnroll asserts whether the address may be enrolled in advance.
func mustMayPreEnroll(t *testing.T, client *openedx.Client, email, course string, want bool) {
	t.Helper()
	if got, err := client.MayPreEnroll(t.Context(), email, course); err != nil || got != want {
		t.Fatalf("may be enrolled in advance: %v, %v", got, err)
	}
}

func TestAPreEnrollmentBecomesAnEnrollmentAtTheFirstLogin(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	learner := newLearner()
	_, err := client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonAwaitingFirstLogin)
	for range 2 { // A repeat, as after a lost answer, changes nothing.
		mustPreEnroll(t, client, learner.Email, openCourse, true)
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
	mustPreEnroll(t, client, "New.One@acme.com", openCourse, true)
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
		_, err := client.MayPreEnroll(t.Context(), "new@acme.com", key)
		mustFail(t, err, lms.Conflict, reason)
		_, err = client.PreEnroll(t.Context(), "new@acme.com", key)
		mustFail(t, err, lms.Conflict, reason)
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
	mustPreEnroll(t, client, "new@acme.com", closed, true)
	if got := standIn.PreEnrollments("new@acme.com"); !slices.Equal(got, []string{closed}) {
		t.Errorf("pre-enrolled in %q", got)
	}
	_, err := client.PreEnroll(t.Context(), "new@acme.com", "course-v1:GK+GHOST+2017")
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonCourseNotFound)
}

// The LMS would fill a full course by a pre-enrollment, and enroll in a mode that the course does not offer.
func TestWhatOnlyTheSingleRouteCanDecideIsNotDoneInAdvance(t *testing.T) {
	standIn := start(t)
	const professional = "course-v1:GK+PRO+2017"
	standIn.AddCourse(openedxtest.CourseSpec{ID: professional, Name: "Professional", Modes: []openedxtest.ModeSpec{{Slug: "no-id-professional"}}})
	withinCapacity := firstLogin(configFor(standIn))
	withinCapacity.EnrollPastCapacity = false
	for course, config := range map[string]openedx.Config{openCourse: withinCapacity, professional: firstLogin(configFor(standIn))} {
		client := newClient(t, config)
		mustMayPreEnroll(t, client, "new@acme.com", course, false)
		mustPreEnroll(t, client, "new@acme.com", course, false)
	}
	if got := standIn.PreEnrollments("new@acme.com"); len(got) > 0 {
		t.Errorf("pre-enrolled in %q", got)
	}
}

func TestWhatOthersDidInAdvanceIsTheirs(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	mustMayPreEnroll(t, client, "New@acme.com", openCourse, true)
	standIn.PreEnroll("new@acme.com", "course-v1:GK+1235A+2017")
	mustMayPreEnroll(t, client, "New@acme.com", openCourse, true)
	standIn.PreEnroll("new@acme.com", openCourse)
	mustMayPreEnroll(t, client, "New@acme.com", openCourse, false)
}

func TestWhatCannotBeReadIsNotDoneInAdvance(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	standIn.Fail(openedxtest.Match{Method: http.MethodGet, Path: "/api/enrollment/v1/enrollment_allowed/"}, openedxtest.Fault{Status: http.StatusInternalServerError})
	may, err := client.MayPreEnroll(t.Context(), "new@acme.com", openCourse)
	mustFail(t, err, lms.Transient, v1alpha1.ReasonServerError)
	if may {
		t.Error("it may be")
	}
}

// An instructor may let an address in to the course, and leave it to the learner to enroll.
func TestWhoIsOnlyLetInIsNotEnrolledInAdvance(t *testing.T) {
	standIn := start(t)
	client := newClient(t, firstLogin(configFor(standIn)))
	standIn.Admit("new@acme.com", openCourse)
	mustPreEnroll(t, client, "New@acme.com", openCourse, false)
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
