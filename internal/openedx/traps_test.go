package openedx_test

import (
	"net/http"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// The LMS decides on a change of the mode before it looks whether the enrollment is active.
func TestAnInactiveEnrollmentInAnotherModeBecomesActive(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.Enroll("jchen", openCourse, "audit")
		standIn.Unenroll("jchen", openCourse)
		mustEnroll(t, client, lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, Mode: "verified"})
		if got, _ := standIn.Enrollment("jchen", openCourse); !got.Active || got.Mode != "verified" {
			t.Errorf("enrolled as %+v", got)
		}
	})
}

// A second deactivation would enroll the learner for a moment, reset the mode, and fail on a closed course.
func TestADeactivationWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.Enroll("jchen", openCourse, "verified")
		lost := openedxtest.Fault{Lost: true, Times: 1}
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEnrollment}, lost)
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEoxEnroll}, lost)
		mustFail(t, client.Withdraw(t.Context(), "jchen", openCourse), lms.Transient, v1alpha1.ReasonUnreachable)
		standIn.ResetCalls()
		if err := client.Withdraw(t.Context(), "jchen", openCourse); err != nil {
			t.Error(err)
		}
		if got := standIn.Writes(); got > 0 {
			t.Errorf("it was written %d times more", got)
		}
		if got, _ := standIn.Enrollment("jchen", openCourse); got.Active || got.Mode != "verified" {
			t.Errorf("it is %+v", got)
		}
	})
}

// What the username of a learner is found taken by tells nothing of the e-mail address, and the other way round.
func TestTheThreeKindsOfDuplicatesAreToldApart(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.AddUser(openedxtest.UserSpec{Username: "joe_smith", Email: "joe@acme.com", Active: true})
		smith := func(email string) lms.NewLearner {
			return lms.NewLearner{ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: email}
		}
		// Both are taken: another username would not help, and each attempt counts against the LMS's limit.
		_, err := client.CreateLearner(t.Context(), smith("JOE@acme.com"))
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonEmailInUse)
		if tried := callsTo(standIn, http.MethodPost, pathRegistration) + callsTo(standIn, http.MethodPost, pathEoxUser); tried != 1 {
			t.Errorf("tried %d times", tried)
		}
		// The address alone.
		other := smith("joe@acme.com")
		other.LastName = "Miller"
		_, err = client.CreateLearner(t.Context(), other)
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonEmailInUse)
		// The username alone: another one is taken.
		if created, err := client.CreateLearner(t.Context(), smith("smith@acme.com")); err != nil || created.Username != "joe_smith_000123" {
			t.Errorf("created %+v, %v", created, err)
		}
	})
}

// A filter of the LMS that stops a registration may well answer 200.
func TestARegistrationWithoutSuccessIsNoAccount(t *testing.T) {
	client := scripted{"POST " + pathRegistration: {`{"error_message": [{"user_message": "Not you."}]}`, `{"redirect_url": "/"}`}}.client(t, stock)
	for range 2 {
		_, err := client.CreateLearner(t.Context(), newLearner())
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonAccountRefused)
	}
}
