package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	applyv1alpha1 "rollcall.dev/rollcall/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestNobodyHasToAskForTheEdgesOfAWindow(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	midnight := time.Date(2030, 3, 1, 0, 0, 0, 0, berlin)
	d := joe("000123")
	d.Enrollments = []enrollment{{"1234A", "2030-03-01", "2030-03-01"}}

	c.travelTo(midnight.Add(-4 * time.Second))
	c.mustPut(d, http.StatusCreated)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonSynced)
	if now := c.clock.Now(); now.Before(midnight) && c.enrolledOnLMS(d.Email, "1234A") {
		t.Errorf("enrolled at %s", now)
	}
	c.waitForLMS(d.Email, "1234A", true)

	c.travelTo(midnight.Add(24*time.Hour - 4*time.Second))
	c.requestCheck(c.enrollment("000123", "1234A")) // A timer counts the time that passes, not the time that is skipped.
	c.waitForLMS(d.Email, "1234A", false)

	c.travelTo(midnight.Add(24*time.Hour).AddDate(0, 0, 30).Add(-4 * time.Second))
	c.requestCheck(c.contact("000123"))
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
}

func TestACourseIsKeptWhileAnotherCodeStandsForIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.create(&v1alpha1.Course{ObjectMeta: c.named("alias"), Spec: v1alpha1.CourseSpec{CourseCode: "ALIAS", CourseKey: courseKey("1234A")}})
	d := joe("000123", "1234A", "ALIAS")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.mustPut(joe("000123", "ALIAS"), http.StatusOK)
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
	if !c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner was withdrawn from a course that the document still lists")
	}
	c.mustPut(joe("000123"), http.StatusOK)
	c.waitForLMS(d.Email, "1234A", false)
}

func TestACodeThatStandsForAnotherCourseMovesTheLearner(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	course := &v1alpha1.Course{ObjectMeta: c.named("moving"), Spec: v1alpha1.CourseSpec{CourseCode: "M", CourseKey: courseKey("1234A")}}
	c.create(course)
	d := joe("000123", "M")
	c.mustPut(d, http.StatusCreated)
	c.waitForLMS(d.Email, "1234A", true)
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1235A") })
	c.waitForLMS(d.Email, "1235A", true)
	c.waitForLMS(d.Email, "1234A", false)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAUsernameThatIsAnotherContactsNowLosesItNoCourse(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	first, second := joe("1", "1234A"), joe("2", "1234A")
	second.LastName = first.LastName
	c.mustPut(first, http.StatusCreated)
	username := c.waitForContact("1", v1alpha1.ReasonSynced).Status.Learner.Username
	c.lms.RenameUser(username, "renamed")
	c.mustPut(second, http.StatusCreated)
	c.waitForContact("2", v1alpha1.ReasonEmailInUse) // Its account has the free username, which the first still counts as its own.

	// The first learns its new username, and cannot leave the old one before the second is in the course.
	reading := openedxtest.Match{Method: http.MethodGet, Path: "/api/enrollment/v1/enrollment/" + username}
	c.lms.Fail(reading, openedxtest.Fault{Status: http.StatusInternalServerError})
	c.requestCheck(c.contact("1"))
	c.waitForEnrollment("1", "1234A", v1alpha1.ReasonRetrying)
	c.requestCheck(c.contact("2"))
	c.waitForLMS(second.Email, "1234A", true)
	c.waitForContact("2", v1alpha1.ReasonSynced)
	c.lms.ClearFaults()
	c.waitForContact("1", v1alpha1.ReasonSynced)
	if account, _ := c.lms.Account(second.Email); account.Username != username || !c.enrolledOnLMS(second.Email, "1234A") {
		t.Errorf("the second's account is %+v, enrolled %v", account, c.enrolledOnLMS(second.Email, "1234A"))
	}
}

func TestAnExtraEnrollmentEndsThoughItsContactIsGone(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	extra := c.addExtra("000123", "1234A")
	change(c, extra, func(extra *v1alpha1.Enrollment) { extra.Spec.AccessEndDate = "2030-01-01" })
	c.waitForLMS(d.Email, "1234A", true)
	must(t, c.Delete(context.Background(), c.contact("000123")))
	c.waitForState(extra, v1alpha1.ReasonContactNotReady)

	c.travelTo(time.Date(2030, 1, 3, 0, 0, 0, 0, time.UTC))
	c.requestCheck(extra)
	c.waitForLMS(d.Email, "1234A", false)
}

func TestAnExtraEnrollmentFindsTheAccountAgainToo(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("000123"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.RenameUser(contact.Status.Learner.Username, "renamed")
	c.waitForState(c.addExtra("000123", "1234A"), v1alpha1.ReasonSynced)
}

func TestNothingIsReadyBeforeTheWithdrawalIsDone(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost}, openedxtest.Fault{Hang: true})
	d.Enrollments[0].AccessEndDate = "2018-01-01"
	c.mustPut(d, http.StatusOK)
	c.waitForContact("000123", v1alpha1.ReasonQueued)
	c.lms.ClearFaults()
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the contact is Synced, and the learner still enrolled")
	}
}

func TestARequestForACheckKeepsTheBackoff(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.waitForState(&v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}, v1alpha1.ReasonSynced)
	const path = "/api/enrollment/v1/enrollment"
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: path}, openedxtest.Fault{Status: http.StatusInternalServerError})
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	attempts := func(n int32) {
		t.Helper()
		c.eventually(fmt.Sprintf("attempt %d", n), func() error {
			var enrollment v1alpha1.Enrollment
			if err := c.Get(context.Background(), client.ObjectKey{Namespace: c.namespace, Name: names.Enrollment("000123", "1234A")}, &enrollment); err != nil {
				return err
			}
			if got := enrollment.Status.Attempts; got == nil || got.Count < n {
				return fmt.Errorf("attempts = %+v", got)
			}
			return nil
		})
	}
	attempts(3) // The next is some seconds away.
	c.requestCheck(c.contact("000123"))
	attempts(1)
	before := c.callsWith(http.MethodPost, path)
	for range 10 {
		change(c, c.contact("000123"), func(contact *v1alpha1.Contact) {
			contact.Spec.Suspend = new(false)
			contact.Labels = map[string]string{"touched": fmt.Sprint(time.Now().UnixNano())}
		})
	}
	contact := c.contact("000123")
	if contact.Status.LastHandledReconcileAt == contact.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
		t.Error("the request is echoed although the check came to nothing")
	}
	if after := c.callsWith(http.MethodPost, path); after > before+2 {
		t.Errorf("%d calls to enroll while the back-off lasts", after-before)
	}
	c.lms.ClearFaults()
	contact = c.waitForContact("000123", v1alpha1.ReasonSynced)
	if contact.Status.LastHandledReconcileAt != contact.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
		t.Error("the request is not echoed")
	}
}

func TestWaitingForAnotherContactsDeletionAsksTheLMSNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	first, second := joe("1", "1234A"), joe("2")
	second.Email = first.Email
	c.mustPut(first, http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	c.mustPut(second, http.StatusConflict)
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost}, openedxtest.Fault{Hang: true})
	c.lms.ResetCalls()
	must(t, c.Delete(context.Background(), c.contact("1")))
	c.waitForContact("2", v1alpha1.ReasonQueued)
	if calls := c.callsWith(http.MethodGet, "/api/user/v1/accounts"); calls > 0 {
		t.Errorf("%d look-ups of accounts", calls)
	}
	c.lms.ClearFaults()
	c.waitForContact("2", v1alpha1.ReasonSynced)
}

func TestAnAccountThatBecomesFreeIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	first := joe("1")
	c.mustPut(first, http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	// The document moves on, the LMS account keeps the address, and another contact comes with it.
	moved, second := joe("1"), joe("2", "1234A")
	moved.Email, second.Email = "moved@acme.com", first.Email
	c.mustPut(moved, http.StatusOK)
	c.mustPut(second, http.StatusCreated)
	c.waitForContact("2", v1alpha1.ReasonEmailInUse)
	must(t, c.Delete(context.Background(), c.contact("1")))
	c.waitForContact("2", v1alpha1.ReasonSynced)
}

func TestAContactsOrphanPolicyHoldsThoughItsEnrollmentIsDeletedFirst(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	change(c, contact, func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = v1alpha1.DeletionOrphan })
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.stop() // Both deletions are there when it looks.
	must(t, c.Delete(context.Background(), c.enrollment("000123", "1234A")))
	must(t, c.Delete(context.Background(), contact))
	c.start()
	c.waitUntilEmpty()
	if !c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner was withdrawn")
	}
}

func TestAWrongTimeZoneHidesNoWithdrawal(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	platform := c.defaultPlatform()
	change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = "Europe/Berlinn" })
	c.waitForState(platform, v1alpha1.ReasonInvalidTimeZone)
	must(t, c.Delete(context.Background(), contact))
	change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = "Europe/Berlin" })
	c.waitUntilEmpty()
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner is still enrolled")
	}
}

func TestAWrongCourseKeyWithdrawsNobody(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	course := c.addCourse("1234A")
	for i := range 4 {
		c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusCreated)
	}
	for i := range 4 {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("NOWHERE") })
	for i := range 4 {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonCourseNotFound)
		if !c.enrolledOnLMS(joe(fmt.Sprint(i)).Email, "1234A") {
			t.Errorf("learner %d was withdrawn from the course that is there", i)
		}
	}
	change(c, course, func(course *v1alpha1.Course) { course.Spec.CourseKey = courseKey("1234A") })
	for i := range 4 {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
}

func TestTwoContactsThatFoundOneAccountAtOnceSettleIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("1", "1234A"), http.StatusCreated)
	first := c.waitForContact("1", v1alpha1.ReasonSynced)
	c.mustPut(joe("2"), http.StatusCreated)
	second := c.waitForContact("2", v1alpha1.ReasonSynced)

	learner := applyv1alpha1.LearnerStatus().WithUsername(first.Status.Learner.Username).WithProvisionedBy(v1alpha1.ProvisionedByAdoption)
	must(t, c.Status().Apply(context.Background(), applyv1alpha1.Contact(second.Name, c.namespace).
		WithStatus(applyv1alpha1.ContactStatus().WithLearner(learner)), client.FieldOwner("rollcall-contact"), client.ForceOwnership))
	c.requestCheck(second)
	c.eventually("the younger contact gives way and finds its own account", func() error {
		if got := c.contact("2").Status.Learner.Username; got == "" || got == first.Status.Learner.Username {
			return fmt.Errorf("its learner is %q", got)
		}
		return nil
	})
	if c.contact("1").Status.Learner.Username != first.Status.Learner.Username {
		t.Error("the older contact lost its account")
	}
}

func TestALostAnswerLeavesNoEnrollmentBehind(t *testing.T) {
	t.Parallel()
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0))
	c := newCompanyWith(t, lms, &travelClock{}, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.CallsPerMinute = 100_000 // who is sent away once has it in the status
	}, "1234A")
	c.waitForState(&v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}, v1alpha1.ReasonSynced)
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: "/api/enrollment/v1/enrollment"}, openedxtest.Fault{Lost: true, Hang: true})
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForLMS(d.Email, "1234A", true)

	// It ends before it can write down what it did.
	c.stop()
	c.lms.ClearFaults()
	if status := c.enrollment("000123", "1234A").Status; status.Username != "" {
		t.Fatalf("status = %+v: the crash came too late", status)
	}
	must(t, c.Delete(context.Background(), c.contact("000123")))
	c.start()
	c.waitUntilEmpty()
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner is still enrolled")
	}
}

func TestAnEnrollmentThatCannotBeWrittenHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	squatter := &v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A")), Spec: v1alpha1.EnrollmentSpec{
		ContactRef: v1alpha1.ContactReference{Name: "somebody-else"}, CourseCode: "1234A", AccessStartDate: "2020-01-01"}}
	c.create(squatter)
	d := joe("000123", "1234A", "1235A")
	c.mustPut(d, http.StatusCreated)
	c.waitForLMS(d.Email, "1235A", true)
	contact := c.waitForContact("000123", v1alpha1.ReasonRetrying)
	if !strings.Contains(readyOf(contact).Message, "1 of 2 Enrollments could not be written") {
		t.Errorf("message = %q", readyOf(contact).Message)
	}
	must(t, c.Delete(context.Background(), squatter))
	c.requestCheck(contact)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestEventsTellOfTroubleOnceAndOfNobodysData(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123", "1234A", "9999Z")
	c.mustPut(d, http.StatusConflict)
	c.waitForContact("000123", v1alpha1.ReasonCourseNotFound)
	c.requestCheck(c.contact("000123"))
	c.eventually("the request is handled", func() error {
		contact := c.contact("000123")
		if contact.Status.LastHandledReconcileAt == "" {
			return fmt.Errorf("status = %+v", contact.Status)
		}
		return nil
	})
	c.mustPut(joe("000123", "1234A"), http.StatusOK)
	c.waitForContact("000123", v1alpha1.ReasonSynced)

	var told []string
	c.eventually("the events of the contact", func() error {
		var list eventsv1.EventList
		must(t, c.List(context.Background(), &list, client.InNamespace(c.namespace)))
		told = nil
		for _, event := range list.Items {
			for _, secret := range []string{d.FirstName, d.LastName, d.Email} {
				if strings.Contains(event.Note, secret) {
					t.Errorf("personal data in the event %q", event.Note)
				}
			}
			if event.Regarding.Kind == "Contact" {
				told = append(told, event.Type+" "+event.Reason)
			}
		}
		slices.Sort(told)
		if want := []string{"Normal Synced", "Warning CourseNotFound"}; !slices.Equal(told, want) {
			return fmt.Errorf("%q, want %q", told, want)
		}
		return nil
	})
}

// addExtra makes an Enrollment as a person does, besides those of the document.
func (c *company) addExtra(id, course string) *v1alpha1.Enrollment {
	c.t.Helper()
	extra := &v1alpha1.Enrollment{ObjectMeta: c.named("extra"), Spec: v1alpha1.EnrollmentSpec{
		ContactRef: v1alpha1.ContactReference{Name: names.Contact(id)}, CourseCode: course, AccessStartDate: "2020-01-01"}}
	c.create(extra)
	return extra
}

func (c *company) waitUntilGone(o client.Object) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%T %s is gone", o, o.GetName()), func() error {
		err := c.Get(context.Background(), client.ObjectKeyFromObject(o), o)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there: %w", err)
	})
}

// callsWith counts the calls that the LMS answered.
func (c *company) callsWith(method, path string) int {
	n := 0
	for _, call := range c.lms.Calls() {
		if call.Method == method && call.Path == path {
			n++
		}
	}
	return n
}

func TestAFailureThatOnlyOneKindOfCallMeetsIsCountedAndLeavesThePlatformAlone(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}
	c.waitForState(platform, v1alpha1.ReasonConnected)
	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: "/eox-core/api/v1/user/"}, openedxtest.Fault{Status: http.StatusBadGateway})
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonRetrying)
	if contact.Status.Attempts == nil || contact.Status.Attempts.LastError.Class != "Transient" {
		t.Errorf("attempts = %+v, want a transient one", contact.Status.Attempts)
	}
	c.waitForState(platform, v1alpha1.ReasonConnected)
	c.lms.ClearFaults()
	c.waitForContact("000123", v1alpha1.ReasonSynced)
}

func TestAnUnknownCourseIsToldBeforeAndAfterItsWindow(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	d := joe("000123")
	d.Enrollments = []enrollment{{"PAST", "2017-10-01", "2018-09-30"}, {"NEXT", "2098-01-01", "2098-12-31"}}
	c.mustPut(d, http.StatusConflict)
	contact := c.waitForContact("000123", v1alpha1.ReasonCourseNotFound)
	if got := contact.Status.Enrollments; *got.Conflicted != 2 {
		t.Errorf("enrollments = %+v, want two conflicts", got)
	}
	for _, code := range []string{"PAST", "NEXT"} {
		c.create(&v1alpha1.Course{ObjectMeta: c.named(strings.ToLower(code)), Spec: v1alpha1.CourseSpec{CourseCode: code, CourseKey: courseKey("1234A")}})
	}
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("enrolled outside of the window")
	}
}
