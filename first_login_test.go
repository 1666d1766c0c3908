package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const preEnrollmentPath = "/api/enrollment/v1/enrollment_allowed/"

// newFirstLoginCompany has a stock LMS on which only a first login makes accounts.
func newFirstLoginCompany(t *testing.T, courses ...string) *company {
	t.Helper()
	c := newStockCompany(t, courses...)
	platform := c.defaultPlatform()
	change(c, platform, func(platform *v1alpha1.LearningPlatform) {
		platform.Spec.AccountRoute, platform.Spec.EnrollPastCapacity = v1alpha1.AccountRouteFirstLogin, new(true)
	})
	c.waitForState(platform, v1alpha1.ReasonConnected)
	return c
}

// waitForPreEnrollments waits until the address is pre-enrolled in the courses and in no other.
func (c *company) waitForPreEnrollments(email string, courses ...string) {
	c.t.Helper()
	want := []string{}
	for _, course := range courses {
		want = append(want, courseKey(course))
	}
	c.eventually("pre-enrollments", func() error {
		got := c.lms.PreEnrollments(email)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("they are %q, want %q", got, want)
		}
		return nil
	})
}

func TestALearnerIsEnrolledByTheFirstLogin(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A", "1235A")
	d := joe("000123", "1234A", "1235A")
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForEnrollment("000123", "1235A", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForPreEnrollments(d.Email, "1234A", "1235A")
	if _, there := c.lms.Account(d.Email); there {
		t.Error("an account was made")
	}

	c.lms.LogInFirst("joe_sso", d.Email, "Joe Smith000123")
	c.requestCheck(contact)
	contact = c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner; got.Username != "joe_sso" || got.ProvisionedBy != v1alpha1.ProvisionedByFirstLogin {
		t.Errorf("learner = %+v", got)
	}
	if got := c.enrollment("000123", "1234A").Status; got.Enrolled == nil || !*got.Enrolled || got.Username != "joe_sso" || got.Mode == "" {
		t.Errorf("enrollment = %+v", got)
	}

	// What lets the learner in again, at any change of the account, ends with the course.
	c.mustPut(joe("000123", "1235A"), http.StatusOK)
	c.waitForLMS(d.Email, "1234A", false)
	c.waitForPreEnrollments(d.Email, "1235A")
	must(t, c.Delete(context.Background(), c.contact("000123")))
	c.waitUntilEmpty()
	c.waitForPreEnrollments(d.Email)
	if c.enrolledOnLMS(d.Email, "1235A") {
		t.Error("the learner is still enrolled")
	}
}

func TestWhoHasAnAccountWaitsForNoFirstLogin(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.lms.AddUser(openedxtest.UserSpec{Username: "old_hand", Email: d.Email, Name: "Joe Smith000123", Active: true})
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner.ProvisionedBy; got != v1alpha1.ProvisionedByAdoption {
		t.Errorf("provisioned by %s", got)
	}
	if calls := c.callsTo(preEnrollmentPath); calls > 0 {
		t.Errorf("%d pre-enrollments", calls)
	}
}

func TestWhatIsDroppedBeforeTheFirstLoginIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A", "1235A")
	d := joe("000123", "1234A", "1235A")
	c.mustPut(d, http.StatusCreated)
	c.waitForPreEnrollments(d.Email, "1234A", "1235A")
	d.Enrollments = d.Enrollments[:1]
	d.Enrollments[0].AccessEndDate = "2099-01-01"
	c.mustPut(d, http.StatusOK)
	c.waitForPreEnrollments(d.Email, "1234A")
	d.Enrollments[0].AccessEndDate = "2018-09-30"
	c.mustPut(d, http.StatusOK)
	c.waitForPreEnrollments(d.Email)
}

func TestWhatIsDroppedWhileTheAddressIsAnothersIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A", "1235A")
	d, other := joe("000123", "1234A", "1235A"), joe("other")
	c.mustPut(other, http.StatusCreated)
	c.mustPut(d, http.StatusCreated)
	c.waitForPreEnrollments(d.Email, "1234A", "1235A")
	moved := joe("000123", "1235A")
	moved.Email = other.Email
	c.mustPut(moved, http.StatusConflict)
	c.waitForPreEnrollments(d.Email, "1235A")
	c.waitForContact("000123", v1alpha1.ReasonEmailInUse)
}

func TestANewAddressIsPreEnrolledInPlaceOfTheOldOne(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForPreEnrollments(d.Email, "1234A")
	moved := joe("000123", "1234A")
	moved.Email = "moved@acme.com"
	c.mustPut(moved, http.StatusOK)
	c.waitForPreEnrollments(moved.Email, "1234A")
	c.waitForPreEnrollments(d.Email)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
}

// The LMS has enrolled the learner, and Rollcall has not looked since.
func TestACourseThatIsDroppedAfterAnUnnoticedLoginIsWithdrawn(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	c.lms.LogInFirst("joe_sso", d.Email, "Joe Smith000123")
	must(t, c.Delete(context.Background(), c.contact("000123")))
	c.waitUntilEmpty()
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner is still enrolled")
	}
}

// The learner has two accounts by then, or will have.
func TestAnUnnoticedLoginWithAnOldAddressKeepsNoCourse(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.create(&v1alpha1.Course{ObjectMeta: c.named("alias"), Spec: v1alpha1.CourseSpec{CourseCode: "ALIAS", CourseKey: courseKey("1234A")}})
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	c.lms.LogInFirst("joe_sso", d.Email, "Joe Smith000123")
	moved := joe("000123", "ALIAS")
	moved.Email = "moved@acme.com"
	c.mustPut(moved, http.StatusOK)
	c.waitForPreEnrollments(moved.Email, "1234A")
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the account with the old address is still enrolled")
	}
}

// A pre-enrollment would fill the course.
func TestWhereCoursesAreNotOverfilledTheEnrollmentFollowsTheFirstLogin(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) { platform.Spec.EnrollPastCapacity = nil })
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	enrollment := c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	if message := readyOf(enrollment).Message; !strings.Contains(message, "not enrolled in advance") || enrollment.Status.PreEnrolledEmail != "" {
		t.Errorf("it says %q, and claims %q", message, enrollment.Status.PreEnrolledEmail)
	}
	c.waitForPreEnrollments(d.Email)
	c.lms.LogInFirst("joe_sso", d.Email, "Joe Smith000123")
	c.requestCheck(contact)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.waitForLMS(d.Email, "1234A", true)
}

func TestWhatAnInstructorDidInAdvanceIsNotClaimed(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.lms.PreEnroll(d.Email, courseKey("1234A"))
	c.mustPut(d, http.StatusCreated)
	c.mustClaimNothingInAdvance(d)
}

// It comes between Rollcall's look and its call.
func TestWhatAnInstructorDoesMeanwhileIsNotClaimed(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: preEnrollmentPath}, openedxtest.Fault{Status: http.StatusBadRequest})
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	if got := c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonRetrying).Status.PreEnrolledEmail; got != d.Email {
		t.Errorf("noted for %q", got)
	}
	c.lms.Admit(d.Email, courseKey("1234A"))
	c.lms.ClearFaults()
	c.requestCheck(c.contact("000123"))
	c.mustClaimNothingInAdvance(d)
}

// mustClaimNothingInAdvance asserts that what others did in advance for the only course of a document is neither claimed nor,
// when the document drops the course, taken back.
func (c *company) mustClaimNothingInAdvance(d *document) {
	c.t.Helper()
	c.waitForContact(d.ContactID, v1alpha1.ReasonAwaitingFirstLogin)
	c.eventually("nothing is claimed", func() error {
		enrollment := c.waitForEnrollment(d.ContactID, "1234A", v1alpha1.ReasonAwaitingFirstLogin)
		if got := enrollment.Status.PreEnrolledEmail; got != "" || !strings.Contains(readyOf(enrollment).Message, "not enrolled in advance") {
			return fmt.Errorf("claimed for %q: %s", got, readyOf(enrollment).Message)
		}
		return nil
	})
	c.mustPut(joe(d.ContactID), http.StatusOK)
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment(d.ContactID, "1234A"))})
	c.waitForPreEnrollments(d.Email, "1234A")
}

// Rollcall ends after the LMS has done it, before the answer is there.
func TestAPreEnrollmentWhoseAnswerWasLostIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: preEnrollmentPath}, openedxtest.Fault{Lost: true, Hang: true})
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForPreEnrollments(d.Email, "1234A")
	c.stop()
	c.lms.ClearFaults()
	must(t, c.Delete(context.Background(), c.contact("000123")))
	c.start()
	c.waitUntilEmpty()
	c.waitForPreEnrollments(d.Email)
}

func TestWhoAwaitsTheFirstLoginIsLookedForSeldom(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)

	// A restart looks for nobody before the time.
	c.lms.LogInFirst("joe_sso", d.Email, "Joe Smith000123")
	c.restart()
	c.lms.ResetCalls()
	c.mustPut(joe("other", "1234A"), http.StatusCreated)
	c.waitForContact("other", v1alpha1.ReasonAwaitingFirstLogin)
	if calls := c.callsTo(accountsPath); calls > 2 { // a search, and a look whether the address is a retired account's
		t.Errorf("%d look-ups for one new learner", calls)
	}

	// In time the learner is found without anybody's asking.
	c.travelTo(c.clock.Now().Add(time.Hour))
	c.restart()
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner.ProvisionedBy; got != v1alpha1.ProvisionedByFirstLogin {
		t.Errorf("provisioned by %s", got)
	}
	other := c.contact("other")
	if next := other.Status.Attempts.NextTime; next == nil || next.After(c.clock.Now().Add(7*time.Hour)) {
		t.Errorf("the next look is at %v", next)
	}
}

// The course code comes to stand for another course, the learner logs in, and the document drops the code, all while no call
// about enrollments comes through.
func TestWhatWasDoneInAdvanceIsTakenBackFromTheCourseThatItWasDoneFor(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForPreEnrollments(d.Email, "1234A")
	c.lms.Fail(openedxtest.Match{Path: "/api/enrollment/"}, openedxtest.Fault{Status: http.StatusInternalServerError})
	change(c, &v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}, func(o *v1alpha1.Course) { o.Spec.CourseKey = courseKey("1235A") })
	c.lms.LogInFirst("joe", d.Email, "Joe Smith")
	c.requestCheck(c.contact("000123"))
	c.eventually("the account is noticed", func() error {
		if username := c.username("000123"); username != "joe" {
			return fmt.Errorf("the username is %q", username)
		}
		return nil
	})
	c.mustPut(joe("000123"), http.StatusOK)
	c.lms.ClearFaults()
	c.waitForPreEnrollments(d.Email)
	c.eventually("the learner is withdrawn", func() error {
		if c.enrolledOnLMS(d.Email, "1234A") {
			return errors.New("the learner is still enrolled")
		}
		return nil
	})
}

func (c *company) restart() {
	c.stop()
	c.start()
}

func TestAConflictOfACourseIsToldBeforeTheFirstLogin(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	d := joe("000123", "1234A", "9999Z")
	c.mustPut(d, http.StatusConflict)
	c.waitForContact("000123", v1alpha1.ReasonCourseNotFound)
	c.waitForPreEnrollments(d.Email, "1234A")
	c.create(&v1alpha1.Course{ObjectMeta: c.named("9999z"), Spec: v1alpha1.CourseSpec{CourseCode: "9999Z", CourseKey: courseKey("1235A")}})
	c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForPreEnrollments(d.Email, "1234A", "1235A")
}

func TestTwoCodesOfOneCourseShareAPreEnrollment(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.create(&v1alpha1.Course{ObjectMeta: c.named("alias"), Spec: v1alpha1.CourseSpec{CourseCode: "ALIAS", CourseKey: courseKey("1234A")}})
	d := joe("000123", "1234A", "ALIAS")
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForEnrollment("000123", "ALIAS", v1alpha1.ReasonAwaitingFirstLogin)
	c.mustPut(joe("000123", "ALIAS"), http.StatusOK)
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
	if got := c.lms.PreEnrollments(d.Email); len(got) != 1 {
		t.Errorf("pre-enrolled in %q, want the course that the document still lists", got)
	}
	c.mustPut(joe("000123"), http.StatusOK)
	c.waitForPreEnrollments(d.Email)
}

func TestAnAddressThatChangesHandsTakesNobodysCourse(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	first, moved, second := joe("1", "1234A"), joe("1", "1234A"), joe("2", "1234A")
	c.mustPut(first, http.StatusCreated)
	c.waitForEnrollment("1", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	change(c, c.contact("1"), func(contact *v1alpha1.Contact) { contact.Spec.Suspend = new(true) })
	moved.Email, second.Email = "moved@acme.com", first.Email
	c.mustPut(moved, http.StatusOK)

	// The one who has the address now has logged in with it.
	c.lms.LogInFirst("two", second.Email, "Joe Smith2")
	c.mustPut(second, http.StatusCreated)
	c.waitForContact("2", v1alpha1.ReasonSynced)
	change(c, c.contact("1"), func(contact *v1alpha1.Contact) { contact.Spec.Suspend = nil })
	c.waitForPreEnrollments(moved.Email, "1234A")
	c.waitForEnrollment("1", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	if !c.enrolledOnLMS(second.Email, "1234A") {
		t.Error("the second one lost the course")
	}
}

func TestARequestedCheckOfWhoAwaitsTheFirstLoginIsMade(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonAwaitingFirstLogin)
	c.lms.ResetCalls()
	c.requestCheck(c.contact("000123"))
	c.eventually("the request is echoed", func() error {
		contact, enrollment := c.contact("000123"), c.enrollment("000123", "1234A")
		request := contact.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]
		if contact.Status.LastHandledReconcileAt != request || enrollment.Status.LastHandledReconcileAt != request {
			return fmt.Errorf("it is %q and %q, want %q", contact.Status.LastHandledReconcileAt, enrollment.Status.LastHandledReconcileAt, request)
		}
		return nil
	})
	if c.callsTo(accountsPath) == 0 || c.callsTo(preEnrollmentPath) == 0 {
		t.Error("the LMS was not asked")
	}
}
