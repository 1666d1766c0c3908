package lms_test

import (
	"context"
	"errors"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// library is a platform that is there to be read: every other verb is a nil pointer's.
type library struct {
	lms.Platform
	enrollment lms.Enrollment
	err        error
	closed     bool
}

func (l library) LookUpCourse(context.Context, string) (lms.Course, error) {
	return lms.Course{Closed: l.closed}, l.err
}

func (l library) ReadEnrollment(context.Context, string, string) (lms.Enrollment, error) {
	return l.enrollment, l.err
}

func TestWhatWouldBeDoneGoesByWhatIsThere(t *testing.T) {
	down := errors.New("down")
	for name, test := range map[string]struct {
		there            library
		enroll, withdraw string
	}{
		"enrolled as sold":                 {library{enrollment: lms.Enrollment{Active: true, Mode: "audit"}}, "", v1alpha1.ReasonWouldWithdraw},
		"enrolled in other modes":          {library{enrollment: lms.Enrollment{Active: true, Mode: "verified"}}, v1alpha1.ReasonWouldEnroll, v1alpha1.ReasonWouldWithdraw},
		"inactive":                         {library{enrollment: lms.Enrollment{Mode: "audit"}}, v1alpha1.ReasonWouldEnroll, ""},
		"never enrolled":                   {library{}, v1alpha1.ReasonWouldEnroll, ""},
		"not to be read":                   {library{err: down}, "Retrying", "Retrying"},
		"in a course that is closed since": {library{enrollment: lms.Enrollment{Active: true, Mode: "audit"}, closed: true}, "", v1alpha1.ReasonWouldWithdraw},
		"back in a closed course":          {library{enrollment: lms.Enrollment{Mode: "audit"}, closed: true}, v1alpha1.ReasonWouldEnroll, ""},
		"new in a closed course":           {library{closed: true}, v1alpha1.ReasonEnrollmentClosed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			observed := lms.Observe(test.there, false)
			present, err := observed.Enroll(t.Context(), lms.EnrollmentRequest{Username: "joe", CourseKey: "c", Mode: "audit"})
			if got := reason(err); got != test.enroll {
				t.Errorf("to enroll = %q, want %q", got, test.enroll)
			}
			if present != test.there.enrollment {
				t.Errorf("enrollment = %+v", present)
			}
			if got := reason(observed.Withdraw(t.Context(), "joe", "c")); got != test.withdraw {
				t.Errorf("to withdraw = %q, want %q", got, test.withdraw)
			}
		})
	}
}

func TestNothingThatIsWrittenReachesAPlatformThatIsObserved(t *testing.T) {
	for name, firstLogin := range map[string]bool{v1alpha1.ReasonWouldCreate: false, v1alpha1.ReasonAwaitingFirstLogin: true} {
		if _, err := lms.Observe(library{}, firstLogin).CreateLearner(t.Context(), lms.NewLearner{}); reason(err) != name {
			t.Errorf("to make an account = %v, want %s", err, name)
		}
	}
	observed := lms.Observe(library{}, false)
	_, preEnrolled := observed.PreEnroll(t.Context(), "joe@acme.com", "c")
	for verb, got := range map[string]struct {
		err  error
		want string
	}{
		"SetName":             {observed.SetName(t.Context(), "joe", "Joe"), v1alpha1.ReasonAccountReadOnly},
		"SetEmail":            {observed.SetEmail(t.Context(), "joe", "joe@acme.com"), v1alpha1.ReasonAccountReadOnly},
		"Deactivate":          {observed.Deactivate(t.Context(), "joe"), v1alpha1.ReasonAccountReadOnly},
		"PreEnroll":           {preEnrolled, v1alpha1.ReasonWouldEnroll},
		"CancelPreEnrollment": {observed.CancelPreEnrollment(t.Context(), "joe@acme.com", "c"), v1alpha1.ReasonWouldWithdraw},
	} {
		if failure := lms.AsError(got.err); failure.Class != lms.Withheld || failure.Reason != got.want {
			t.Errorf("%s = %s %v, want %s %s", verb, failure.Class, failure, lms.Withheld, got.want)
		}
	}
}

func TestNobodyWouldBeEnrolledInAdvanceInAClosedCourse(t *testing.T) {
	if _, err := lms.Observe(library{closed: true}, true).PreEnroll(t.Context(), "joe@acme.com", "c"); reason(err) != v1alpha1.ReasonEnrollmentClosed {
		t.Errorf("to enroll in advance = %v", err)
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return lms.AsError(err).Reason
}
