package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestANewDocumentBecomesAnAccountAndEnrollments(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("000123", "1234A", "1235A"), http.StatusCreated)

	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner; got.Username == "" || got.ProvisionedBy != v1alpha1.ProvisionedByCreation {
		t.Errorf("learner = %+v, want one that was created", got)
	}
	if got := contact.Status.Enrollments.Summary; got != "2/2" {
		t.Errorf("enrollments = %q, want 2/2", got)
	}
	if source := contact.Status.Document.Source; source != "system:serviceaccount:"+c.namespace+":back-office" {
		t.Errorf("source of the document = %q", source)
	}
	account, ok := c.lms.Account("joe.000123@acme.com")
	if !ok || !account.Active || account.Username != contact.Status.Learner.Username {
		t.Errorf("account on the LMS = %+v, %v", account, ok)
	}
	for _, course := range []string{"1234A", "1235A"} {
		if !c.enrolledOnLMS("joe.000123@acme.com", course) {
			t.Errorf("not enrolled in %s on the LMS", course)
		}
		enrollment := c.enrollment("000123", course)
		if enrollment.Status.Mode == "" || enrollment.Status.EnrollmentID != string(enrollment.UID) || enrollment.Status.Access != v1alpha1.AccessOpen {
			t.Errorf("status of the enrollment in %s = %+v", course, enrollment.Status)
		}
	}

	status, answer, err := c.try(http.MethodGet, "000123", "")
	must(t, err)
	if status != http.StatusOK || !jsonHas(t, answer, "Status", "State", v1alpha1.ReasonSynced) {
		t.Errorf("GET = %d %s, want where the learner stands", status, answer)
	}
}

func TestTheSameDocumentAgainWritesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	before := c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.ResetCalls()
	c.mustPut(joe("000123", "1234A"), http.StatusOK)
	if after := c.contact("000123"); after.ResourceVersion != before.ResourceVersion {
		t.Error("the Contact was written")
	}
	if calls := c.lms.Calls(); len(calls) > 0 {
		t.Errorf("the LMS was called: %v", calls)
	}
}

func TestANewerDocumentReplacesTheOlder(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A", "1236A")
	c.mustPut(joe("000123", "1234A", "1235A"), http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)

	change(c, c.contact("000123"), func(contact *v1alpha1.Contact) { contact.Labels = map[string]string{"team": "north"} })
	newer := joe("000123", "1235A", "1236A")
	newer.LastName = "Miller"
	c.mustPut(newer, http.StatusOK)

	c.waitForLMS(newer.Email, "1234A", false)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if contact.Spec.LastName != "Miller" || contact.Labels["team"] != "north" {
		t.Errorf("the document or a person's label was lost: %s, %v", contact.Spec.LastName, contact.Labels)
	}
	if !c.enrolledOnLMS(newer.Email, "1235A") || !c.enrolledOnLMS(newer.Email, "1236A") {
		t.Error("a course of the newer document is not enrolled")
	}
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
}

func TestAnUnknownCourseIsAConflictThatHealsWhenTheCourseAppears(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	p := c.mustPut(joe("000123", "1234A", "9999Z"), http.StatusConflict)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/Contact/Enrollments/1/CourseCode" || p.Errors[0].Reason != v1alpha1.ReasonCourseNotFound {
		t.Errorf("problem = %+v, want one at the second course code", p)
	}
	c.waitForContact("000123", v1alpha1.ReasonCourseNotFound)
	c.eventually("one of two enrollments is in step", func() error {
		if got := c.contact("000123").Status.Enrollments.Summary; got != "1/2" {
			return fmt.Errorf("in step are %q", got)
		}
		return nil
	})
	if !c.enrolledOnLMS("joe.000123@acme.com", "1234A") {
		t.Error("the course without a conflict is not enrolled")
	}

	c.lms.AddCourse(openedxtest.CourseSpec{ID: courseKey("9999Z"), Name: "New", Modes: []openedxtest.ModeSpec{{Slug: "audit"}}})
	c.addCourse("9999Z")
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if !c.enrolledOnLMS("joe.000123@acme.com", "9999Z") {
		t.Error("the course that appeared is not enrolled")
	}
	c.mustPut(joe("000123", "1234A", "9999Z"), http.StatusOK)
}

func TestACourseWhoseKeyTheLMSDoesNotKnowIsAConflictThatHealsWhenItIsMended(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	course := &v1alpha1.Course{ObjectMeta: c.named("wrong"), Spec: v1alpha1.CourseSpec{CourseCode: "W", CourseKey: "course-v1:GK+NOWHERE+2017"}}
	c.create(course)
	c.waitForState(course, v1alpha1.ReasonCourseNotFound)
	c.mustPut(joe("000123", "W"), http.StatusConflict)
	c.waitForContact("000123", v1alpha1.ReasonCourseNotFound)
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1234A") })
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAnotherContactsEmailIsAConflictThatHealsWhenItIsFreed(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	first, second := joe("1", "1234A"), joe("2", "1235A")
	second.Email = "JOE.1@acme.com"
	c.mustPut(first, http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	p := c.mustPut(second, http.StatusConflict)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/Contact/Email" || p.Errors[0].Reason != v1alpha1.ReasonEmailInUse {
		t.Errorf("problem = %+v, want one at the e-mail", p)
	}
	c.waitForContact("2", v1alpha1.ReasonEmailInUse)
	c.mustPut(first, http.StatusOK)

	must(t, c.Delete(context.Background(), c.contact("1")))
	contact := c.waitForContact("2", v1alpha1.ReasonSynced)
	if contact.Status.Learner.ProvisionedBy != v1alpha1.ProvisionedByAdoption {
		t.Errorf("learner = %+v, want the freed account, adopted", contact.Status.Learner)
	}
	if c.enrolledOnLMS(first.Email, "1234A") || !c.enrolledOnLMS(first.Email, "1235A") {
		t.Error("the account has the first contact's course, or lacks the second's")
	}
}

func TestTwoContactsNeverShareAnAccount(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	first := joe("1", "1234A")
	c.mustPut(first, http.StatusCreated)
	username := c.waitForContact("1", v1alpha1.ReasonSynced).Status.Learner.Username

	// The document moves on, but the LMS still has the old address.
	moved := joe("1", "1234A")
	moved.Email = "new.address@acme.com"
	c.mustPut(moved, http.StatusOK)
	second := joe("2", "1234A")
	second.Email = first.Email
	c.mustPut(second, http.StatusCreated)
	contact := c.waitForContact("2", v1alpha1.ReasonEmailInUse)
	if contact.Status.Learner.Username != "" || contact.Status.Attempts == nil || contact.Status.Attempts.Count != 1 {
		t.Errorf("status = %+v, want no learner and one attempt", contact.Status)
	}

	c.lms.SetEmail(username, moved.Email)
	c.requestCheck(contact)
	c.waitForContact("2", v1alpha1.ReasonSynced)
}

func TestAWrongAttributeIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	before := c.waitForContact("000123", v1alpha1.ReasonSynced)

	wrong := joe("000123", "1234A")
	wrong.Enrollments[0].AccessEndDate = "2016-01-01"
	p := c.mustPut(wrong, http.StatusForbidden)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/Contact/Enrollments/0/AccessEndDate" {
		t.Errorf("problem = %+v, want one at the end date", p)
	}
	if after := c.contact("000123"); after.ResourceVersion != before.ResourceVersion {
		t.Error("the Contact was written")
	}
}

func TestAnExistingAccountIsAdopted(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.lms.AddUser(openedxtest.UserSpec{Username: "old_hand", Email: "Joe.000123@ACME.com", Name: "Joe Smith", Active: true, Password: "Old-pass-8841"})
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner; got.Username != "old_hand" || got.ProvisionedBy != v1alpha1.ProvisionedByAdoption {
		t.Errorf("learner = %+v, want old_hand, adopted", got)
	}
}

func TestAnInactiveAccountIsEnrolledAndReportedUntilItIsActivated(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.lms.AddUser(openedxtest.UserSpec{Username: "sleeper", Email: "joe.000123@acme.com", Name: "Joe Smith", Password: "Old-pass-8841"})
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonAwaitingActivation)
	c.waitForLMS("joe.000123@acme.com", "1234A", true)
	c.lms.SetActive("sleeper", true)
	c.requestCheck(contact)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAccessOpensAndClosesWithTheWindow(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	today := c.clock.Now().In(berlin)
	first, last := today.AddDate(0, 0, 10), today.AddDate(0, 0, 20)
	d := joe("000123")
	d.Enrollments = []enrollment{{"1234A", first.Format(time.DateOnly), last.Format(time.DateOnly)}}
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	midnight := func(day time.Time) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, berlin)
	}

	for _, step := range []struct {
		now    time.Time
		access v1alpha1.Access
		in     bool
	}{
		{midnight(first).Add(-time.Minute), v1alpha1.AccessUpcoming, false},
		{midnight(first), v1alpha1.AccessOpen, true},
		{midnight(last).Add(23 * time.Hour), v1alpha1.AccessOpen, true},
		{midnight(last.AddDate(0, 0, 1)), v1alpha1.AccessEnded, false},
	} {
		c.travelTo(step.now)
		c.requestCheck(c.enrollment("000123", "1234A"))
		c.eventually(fmt.Sprintf("%s at %s", step.access, step.now), func() error {
			if got := c.enrollment("000123", "1234A").Status.Access; got != step.access {
				return fmt.Errorf("access is %s", got)
			}
			return nil
		})
		c.waitForLMS(d.Email, "1234A", step.in)
	}

	c.travelTo(midnight(last.AddDate(0, 0, 40)))
	c.requestCheck(c.contact("000123"))
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
	if got := c.waitForContact("000123", v1alpha1.ReasonSynced).Status.Enrollments.Summary; got != "1/1" {
		t.Errorf("enrollments = %q, want the ended one to count", got)
	}
}

func TestAnOutageOfTheLMSCostsNobodyAnAttempt(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("before", "1234A"), http.StatusCreated)
	c.waitForContact("before", v1alpha1.ReasonSynced)

	c.lms.SetDown(true)
	for i := range 5 {
		c.mustPut(joe(fmt.Sprint("during-", i), "1234A"), http.StatusCreated)
	}
	c.waitForState(&v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}, v1alpha1.ReasonUnreachable)
	for i := range 5 {
		contact := c.waitForContact(fmt.Sprint("during-", i), v1alpha1.ReasonPlatformUnavailable)
		if contact.Status.Attempts != nil {
			t.Errorf("attempts = %+v, want none", contact.Status.Attempts)
		}
	}
	if !isReady(c.contact("before")) {
		t.Error("a contact that was in step is not any more")
	}

	c.lms.SetDown(false)
	for i := range 5 {
		contact := c.waitForContact(fmt.Sprint("during-", i), v1alpha1.ReasonSynced)
		if contact.Status.Attempts != nil {
			t.Errorf("attempts = %+v, want none", contact.Status.Attempts)
		}
	}
}

func TestRevokedCredentialsStopThePlatformAndANewSecretStartsItAgain(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}
	c.waitForState(platform, v1alpha1.ReasonConnected)

	c.lms.RotateClientSecret(clientID, "another-secret")
	c.lms.RevokeTokens()
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	c.waitForState(platform, v1alpha1.ReasonCredentialsRefused)
	if contact := c.waitForContact("000123", v1alpha1.ReasonPlatformUnavailable); contact.Status.Attempts != nil {
		t.Errorf("attempts = %+v, want none: it is not the learner's fault", contact.Status.Attempts)
	}

	change(c, &corev1.Secret{ObjectMeta: c.named("open-edx")}, func(secret *corev1.Secret) {
		secret.Data["client-secret"] = []byte("another-secret")
	})
	c.waitForState(platform, v1alpha1.ReasonConnected)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAMissingSecretIsSaidAndHealsWhenItAppears(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("second"), Spec: v1alpha1.LearningPlatformSpec{
		URL: c.lms.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "later"},
	}}
	c.create(platform)
	c.waitForState(platform, v1alpha1.ReasonCredentialsNotFound)
	c.create(&corev1.Secret{ObjectMeta: c.named("later"), StringData: map[string]string{"client-id": clientID, "client-secret": clientSecret}})
	c.waitForState(platform, v1alpha1.ReasonConnected)
}

func TestADeletedContactIsWithdrawnAsItsPolicySays(t *testing.T) {
	t.Parallel()
	for policy, stays := range map[v1alpha1.DeletionPolicy]bool{v1alpha1.DeletionWithdraw: false, v1alpha1.DeletionOrphan: true} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, "1234A", "1235A")
			d := joe("000123", "1234A", "1235A")
			c.mustPut(d, http.StatusCreated)
			contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
			change(c, contact, func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = policy })
			must(t, c.Delete(context.Background(), contact))
			c.waitUntilEmpty()
			for _, course := range []string{"1234A", "1235A"} {
				if got := c.enrolledOnLMS(d.Email, course); got != stays {
					t.Errorf("enrolled in %s = %v, want %v", course, got, stays)
				}
			}
			if _, ok := c.lms.Account(d.Email); !ok {
				t.Error("the account was deleted")
			}
		})
	}
}

func TestAPlatformThatIsGoneHoldsNothingUp(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.SetDown(true)
	must(t, c.Delete(context.Background(), contact))
	c.waitForState(&v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}, v1alpha1.ReasonUnreachable)
	must(t, c.Delete(context.Background(), &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}))
	c.waitUntilEmpty()
}

func TestARestartCallsNobody(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	for i := range 3 {
		c.mustPut(joe(fmt.Sprint(i), "1234A", "1235A"), http.StatusCreated)
	}
	for i := range 3 {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	c.stop()
	before := c.versions()
	c.lms.ResetCalls()
	c.start()
	after := 5
	c.mustPut(joe("after", "1234A"), http.StatusCreated)
	c.waitForContact("after", v1alpha1.ReasonSynced)
	for key, version := range c.versions() {
		if was, ok := before[key]; ok && was != version {
			t.Errorf("%s was written", key)
		}
	}
	for _, call := range c.lms.Calls() {
		switch {
		case call.Path == "/oauth2/access_token", call.Path == "/api/user/v1/me", call.Path == "/api/enrollment/v1/roles/",
			strings.HasPrefix(call.Path, "/eox-core/eox-info"), call.Path == "/eox-core/api/v1/userinfo/": // the platform's probe
		case after > 0: // the new contact's account, its number, and its enrollment
			after--
		default:
			t.Errorf("%s %s was called", call.Method, call.Path)
		}
	}
}

func TestSuspendHoldsAllWorkUntilItIsLifted(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	change(c, contact, func(contact *v1alpha1.Contact) { contact.Spec.Suspend = new(true) })
	c.waitForContact("000123", v1alpha1.ReasonSuspended)
	c.lms.ResetCalls()
	c.mustPut(joe("000123", "1235A"), http.StatusOK)
	c.waitForContact("000123", v1alpha1.ReasonSuspended)
	if c.lms.Writes() > 0 || !c.enrolledOnLMS("joe.000123@acme.com", "1234A") {
		t.Error("a suspended contact was worked on")
	}
	change(c, c.contact("000123"), func(contact *v1alpha1.Contact) { contact.Spec.Suspend = nil })
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.waitForLMS("joe.000123@acme.com", "1234A", false)
	c.waitForLMS("joe.000123@acme.com", "1235A", true)
}

func TestARequestedCheckRepairsWhatAPersonChangedOnTheLMS(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.Unenroll(contact.Status.Learner.Username, courseKey("1234A"))
	c.requestCheck(contact)
	c.waitForLMS("joe.000123@acme.com", "1234A", true)
	contact = c.waitForContact("000123", v1alpha1.ReasonSynced)
	if contact.Status.LastHandledReconcileAt != contact.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
		t.Error("the request is not echoed")
	}
}

func TestARenamedAccountIsFoundAgain(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.RenameUser(contact.Status.Learner.Username, "renamed")
	c.mustPut(joe("000123", "1234A", "1235A"), http.StatusOK)
	c.waitForLMS("joe.000123@acme.com", "1235A", true)
	contact = c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := contact.Status.Learner.Username; got != "renamed" {
		t.Errorf("username = %q, want the new one", got)
	}
}

func TestARetiredAccountStallsTheContactWithTheReason(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.lms.AddUser(openedxtest.UserSpec{Username: "gone_joe", Email: "joe.000123@acme.com", Name: "Joe", Active: true, Password: "Old-pass-8841"})
	c.lms.RetireUser("gone_joe")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonAccountRetired)
	if contact.Status.Attempts == nil || contact.Status.Attempts.LastError.Class != "Fatal" || contact.Status.Attempts.NextTime != nil {
		t.Errorf("attempts = %+v, want a fatal one and none planned", contact.Status.Attempts)
	}
	corrected := joe("000123", "1234A")
	corrected.Email = "joe.again@acme.com"
	c.mustPut(corrected, http.StatusOK)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAClosedCourseIsAConflictThatHealsWhenTheLMSOpensIt(t *testing.T) {
	t.Parallel()
	lmsClock := &travelClock{}
	c := newCompanyOn(t, openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0), openedxtest.WithClock(lmsClock)))
	closed := openedxtest.CourseSpec{ID: courseKey("C"), Name: "Closed", Modes: []openedxtest.ModeSpec{{Slug: "audit"}}, EnrollmentEndDays: new(-1)}
	c.lms.AddCourse(closed)
	course := c.addCourse("C")
	c.waitForState(course, v1alpha1.ReasonSynced)
	c.mustPut(joe("000123", "C"), http.StatusCreated)
	enrollment := c.waitForEnrollment("000123", "C", v1alpha1.ReasonEnrollmentClosed)
	if enrollment.Status.Attempts.NextTime == nil {
		t.Error("no further attempt is planned")
	}
	c.lms.RemoveCourse(closed.ID)
	closed.EnrollmentEndDays = nil
	c.lms.AddCourse(closed)
	lmsClock.travelTo(lmsClock.Now().Add(2 * time.Minute)) // The LMS keeps what it says of a course for a minute.
	c.requestCheck(course)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestATransientFailureIsRetriedAndCounted(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.waitForState(&v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}, v1alpha1.ReasonSynced)
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: "/api/enrollment/v1/enrollment"}, openedxtest.Fault{Status: http.StatusInternalServerError, Times: 2})
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	enrollment := c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonRetrying)
	if enrollment.Status.Attempts == nil || enrollment.Status.Attempts.LastError.Class != "Transient" {
		t.Errorf("attempts = %+v", enrollment.Status.Attempts)
	}
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := c.enrollment("000123", "1234A").Status.Attempts; got != nil || contact.Status.Attempts != nil {
		t.Errorf("attempts after success = %+v", got)
	}
}

func TestStockOpenEdXWithoutPluginsIsServedByItsOwnRoutes(t *testing.T) {
	t.Parallel()
	world := openedxtest.DemoWorld()
	world.Settings.SkipEmailValidation = true
	c := newCompanyOn(t, openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore()), "1234A")
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}
	c.waitForState(platform, v1alpha1.ReasonConnected)
	if platform.Status.AccountRoute != v1alpha1.AccountRouteRegistration || platform.Status.EnrollmentRoute != v1alpha1.EnrollmentRouteSingle {
		t.Errorf("routes = %+v", platform.Status)
	}
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.mustPut(joe("000123"), http.StatusOK)
	c.waitForLMS("joe.000123@acme.com", "1234A", false)
}

func TestAPersonsExtraEnrollmentIsHonouredAndNeverPruned(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	extra := &v1alpha1.Enrollment{ObjectMeta: c.named("extra"), Spec: v1alpha1.EnrollmentSpec{
		ContactRef: v1alpha1.ContactReference{Name: names.Contact("000123")}, CourseCode: "1235A", AccessStartDate: "2020-01-01"}}
	c.create(extra)
	c.waitForState(extra, v1alpha1.ReasonSynced)
	c.mustPut(joe("000123"), http.StatusOK)
	c.waitForLMS(d.Email, "1234A", false)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if !c.enrolledOnLMS(d.Email, "1235A") {
		t.Error("the extra enrollment was withdrawn")
	}
	must(t, c.Delete(context.Background(), extra))
	c.waitForLMS(d.Email, "1235A", false)
}
