package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const enrollmentListPath = "/api/enrollment/v1/enrollments"

// sweepCourse has the course swept a minute later, and waits for the result.
func (c *company) sweepCourse(code string) v1alpha1.CourseSweep {
	c.t.Helper()
	c.clock.travelTo(c.clock.Now().Add(time.Minute)) // What was carried out just now is not judged.
	asked := c.clock.Now().Truncate(time.Second)
	course := &v1alpha1.Course{ObjectMeta: c.named(names.Contact(code))}
	c.requestCheck(course)
	c.eventually("the course "+code+" is swept", func() error {
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(course), course); err != nil {
			return err
		}
		if course.Status.Sweep.FinishedTime.Time.Before(asked) {
			return fmt.Errorf("its sweep is %+v", course.Status.Sweep)
		}
		return nil
	})
	return course.Status.Sweep
}

// sweepAccounts has the accounts swept, and waits for the result.
func (c *company) sweepAccounts() v1alpha1.AccountSweep {
	c.t.Helper()
	c.clock.travelTo(c.clock.Now().Add(time.Minute))
	asked := c.clock.Now().Truncate(time.Second)
	platform := c.defaultPlatform()
	c.requestCheck(platform)
	c.eventually("the accounts are swept", func() error {
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(platform), platform); err != nil {
			return err
		}
		if platform.Status.AccountSweep.FinishedTime.Time.Before(asked) {
			return fmt.Errorf("the sweep is %+v", platform.Status.AccountSweep)
		}
		return nil
	})
	return platform.Status.AccountSweep
}

func (c *company) username(id string) string { return c.contact(id).Status.Learner.Username }

func wantSweep(t *testing.T, got v1alpha1.CourseSweep, active, sold, missing, otherMode, overdue, unsold, strangers int32) {
	t.Helper()
	want := fmt.Sprint(active, sold, missing, otherMode, overdue, unsold, strangers)
	if found := fmt.Sprint(*got.Active, *got.Sold, *got.Missing, *got.OtherMode, *got.Overdue, *got.Unsold, *got.Strangers); found != want {
		t.Errorf("active, sold, missing, other mode, overdue, unsold, strangers = %s, want %s", found, want)
	}
}

func TestASweepRepairsWhatDiffersAndTouchesNobodyElse(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	key := courseKey("1234A")
	change(c, &v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}, func(course *v1alpha1.Course) { course.Spec.Mode = "audit" })
	ended := joe("ended", "1234A")
	for _, d := range []*document{joe("kept", "1234A"), joe("lost", "1234A"), joe("upgraded", "1234A"), ended, joe("unsold", "1235A")} {
		c.mustPut(d, http.StatusCreated)
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
	}
	ended.Enrollments[0].AccessEndDate = "2018-01-01"
	c.mustPut(ended, http.StatusOK)
	c.waitForLMS(ended.Email, "1234A", false)
	c.waitForContact("ended", v1alpha1.ReasonSynced)

	c.lms.Unenroll(c.username("lost"), key)
	c.lms.Enroll(c.username("upgraded"), key, "verified")
	c.lms.Enroll(c.username("ended"), key, "audit")
	c.lms.Enroll(c.username("unsold"), key, "audit")
	// mlopez, who is no contact, is enrolled from the beginning.
	wantSweep(t, c.sweepCourse("1234A"), 5, 3, 1, 1, 1, 1, 1)

	c.waitForLMS("joe.lost@acme.com", "1234A", true)
	c.waitForLMS(ended.Email, "1234A", false)
	c.eventually("the mode is the Course's again", func() error {
		if e, _ := c.lms.Enrollment(c.username("upgraded"), key); e.Mode != "audit" {
			return fmt.Errorf("it is %s", e.Mode)
		}
		return nil
	})
	for _, id := range []string{"kept", "lost", "upgraded", "ended", "unsold"} {
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	c.lms.ResetCalls()
	wantSweep(t, c.sweepCourse("1234A"), 5, 3, 0, 0, 0, 1, 1)
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes after everything was repaired", writes)
	}
	for _, username := range []string{"mlopez", c.username("unsold")} {
		if e, _ := c.lms.Enrollment(username, key); !e.Active {
			t.Errorf("%s was withdrawn, whom nobody sold the course", username)
		}
	}
}

func TestThePolicyReportShowsWhatDiffersAndLeavesIt(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyReport })
	ended := joe("ended", "1234A")
	for _, d := range []*document{joe("lost", "1234A"), ended} {
		c.mustPut(d, http.StatusCreated)
		c.waitForContact(d.ContactID, v1alpha1.ReasonSynced)
	}
	ended.Enrollments[0].AccessEndDate = "2018-01-01"
	c.mustPut(ended, http.StatusOK)
	c.waitForLMS(ended.Email, "1234A", false)
	c.waitForContact("ended", v1alpha1.ReasonSynced)

	lost, back := c.username("lost"), c.username("ended")
	c.lms.Unenroll(lost, courseKey("1234A"))
	c.lms.Enroll(back, courseKey("1234A"), "audit")
	c.lms.ResetCalls()
	c.sweepCourse("1234A")
	c.waitForEnrollment("lost", "1234A", v1alpha1.ReasonDrifted)
	c.waitForEnrollment("ended", "1234A", v1alpha1.ReasonDrifted)
	c.requestCheck(c.contact("lost")) // A check looks, too, and does not repair.
	c.eventually("the check is made", func() error {
		if contact := c.contact("lost"); contact.Status.LastHandledReconcileAt != contact.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	c.waitForEnrollment("lost", "1234A", v1alpha1.ReasonDrifted)
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes", writes)
	}

	c.lms.Enroll(lost, courseKey("1234A"), "audit")
	c.lms.Unenroll(back, courseKey("1234A"))
	c.sweepCourse("1234A")
	c.waitForContact("lost", v1alpha1.ReasonSynced)
	c.waitForContact("ended", v1alpha1.ReasonSynced)

	c.lms.Unenroll(lost, courseKey("1234A"))
	c.sweepCourse("1234A")
	c.waitForEnrollment("lost", "1234A", v1alpha1.ReasonDrifted)
	c.lms.ResetCalls()
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyOff })
	c.eventually("the LMS is looked at once more", func() error {
		if c.lms.Calls() == nil {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	c.waitUntilIdle()
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes by the policy that does not look", writes)
	}
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyCorrect })
	c.waitForLMS("joe.lost@acme.com", "1234A", true)
}

func TestThePolicyReportLeavesAccountsAsTheyAre(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t, "1234A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyReport })
	for _, id := range []string{"renamed", "retired"} {
		c.mustPut(joe(id, "1234A"), http.StatusCreated)
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	c.lms.SetName(c.username("renamed"), "Somebody Else")
	c.lms.RetireUser(c.username("retired"))
	c.lms.ResetCalls()
	if sum := c.sweepAccounts(); *sum.Changed != 1 || *sum.Missing != 1 {
		t.Errorf("%d have changed and %d are missing, want one of each", *sum.Changed, *sum.Missing)
	}
	c.eventually("the contact shows that the name differs", func() error {
		if profile := profileOf(c.contact("renamed")); profile.Status != metav1.ConditionFalse || profile.Reason != v1alpha1.ReasonDrifted {
			return fmt.Errorf("it shows %+v", profile)
		}
		return nil
	})
	c.waitForContact("retired", v1alpha1.ReasonDrifted)
	c.restart()
	c.waitUntilIdle()
	c.waitForContact("retired", v1alpha1.ReasonDrifted) // That nothing is new does not put it in step.
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
	renewed := joe("renamed", "1234A")
	renewed.LastName = "Smithers"
	c.mustPut(renewed, http.StatusOK)
	c.eventually("what the document changes is carried over", func() error {
		if account, _ := c.lms.Account(c.username("renamed")); account.Name != "Joe Smithers" {
			return fmt.Errorf("the name is %q", account.Name)
		}
		return nil
	})
}

func TestALearnerWithTwoEnrollmentsOfACourseIsInItOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	c.mustPut(joe("1", "1234A"), http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	extra := &v1alpha1.Enrollment{ObjectMeta: c.named("extra"), Spec: v1alpha1.EnrollmentSpec{
		ContactRef: v1alpha1.ContactReference{Name: "1"}, CourseCode: "1234A", AccessStartDate: "2020-01-01"}}
	c.create(extra)
	c.waitForState(extra, v1alpha1.ReasonSynced)
	c.lms.ResetCalls()
	wantSweep(t, c.sweepCourse("1234A"), 2, 2, 0, 0, 0, 0, 1) // Somebody else is in it, too.
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestASweepOfAnLMSThatIsOnlyObservedRepairsNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.Mode = v1alpha1.PlatformModeObserve })
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
	d := joe("1", "1234A")
	c.lms.AddUser(openedxtest.UserSpec{Username: "joe", Email: d.Email, Name: "Joe Smith1", Active: true, EnrolledIn: []string{courseKey("1234A")}})
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	c.lms.Unenroll("joe", courseKey("1234A"))
	c.lms.SetActive("joe", false)
	c.lms.ResetCalls()
	wantSweep(t, c.sweepCourse("1234A"), 1, 1, 1, 0, 0, 0, 1)
	c.waitForEnrollment("1", "1234A", v1alpha1.ReasonWouldEnroll)
	if sum := c.sweepAccounts(); *sum.Inactive != 1 {
		t.Errorf("%d are inactive, want 1", *sum.Inactive)
	}
	c.waitForContact("1", v1alpha1.ReasonAwaitingActivation)
	if writes := c.lms.Writes(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestARestartDoesNotSweepWhatWasSwept(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("1", "1234A", "1235A"), http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	c.sweepCourse("1234A") // The other one was never swept.
	c.sweepAccounts()
	c.stop()
	c.lms.ResetCalls()
	c.start()
	c.mustPut(joe("2", "1234A"), http.StatusCreated)
	c.waitForContact("2", v1alpha1.ReasonSynced)
	if calls := c.callsTo(enrollmentListPath); calls != 0 {
		t.Errorf("%d calls of a sweep after a restart", calls)
	}
}

func TestNothingIsSweptWithThePolicyOff(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyOff })
	course := &v1alpha1.Course{ObjectMeta: c.named(names.Contact("1234A"))}
	c.waitForState(course, v1alpha1.ReasonSynced)
	c.travelTo(c.clock.Now().AddDate(0, 0, 3))
	c.requestCheck(course)
	c.eventually("the check is made", func() error {
		must(t, c.Get(context.Background(), client.ObjectKeyFromObject(course), course))
		if course.Status.LastHandledReconcileAt != course.Annotations[v1alpha1.ReconcileRequestedAtAnnotation] {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	if calls := c.callsTo(enrollmentListPath); calls != 0 {
		t.Errorf("%d calls of a sweep", calls)
	}
}

func TestVerifyingLearnersCostsACallForAHundred(t *testing.T) {
	t.Parallel()
	const strangers, learners = 230, 5
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = strangers
	c := newCompanyOn(t, openedxtest.Start(t, world, openedxtest.WithThrottle(0)), "1235A", "1236A")
	for i := 1; i <= strangers; i++ {
		c.lms.Enroll(fmt.Sprintf("l%03d", i), courseKey("1235A"), "audit")
	}
	for i := range learners {
		c.mustPut(joe(fmt.Sprint(i), "1235A", "1236A"), http.StatusCreated)
	}
	for i := range learners {
		c.waitForContact(fmt.Sprint(i), v1alpha1.ReasonSynced)
	}
	c.travelTo(c.clock.Now().Add(time.Minute))
	c.lms.ResetCalls()
	wantSweep(t, c.sweepCourse("1235A"), strangers+learners, learners, 0, 0, 0, 0, strangers)
	wantSweep(t, c.sweepCourse("1236A"), learners, learners, 0, 0, 0, 0, 0)
	if sum := c.sweepAccounts(); *sum.Compared != learners || *sum.Missing != 0 || *sum.Inactive != 0 || *sum.Changed != 0 {
		t.Errorf("sum of the accounts = %d %d %d %d", *sum.Compared, *sum.Missing, *sum.Inactive, *sum.Changed)
	}
	var pages, accounts int
	for _, call := range c.lms.Calls() {
		switch {
		case call.Path == enrollmentListPath:
			pages++
		case call.Path == accountsPath:
			accounts++
		case strings.HasPrefix(call.Path, "/api/enrollment/v1/enrollment/"), strings.HasPrefix(call.Path, "/eox-core/api/v1/enrollment/"):
			t.Errorf("%s %s was called", call.Method, call.Path)
		}
	}
	if pages != 3+1 || accounts != 1 {
		t.Errorf("%d pages of enrollments and %d of accounts, want 4 and 1", pages, accounts)
	}
}

func TestASweepGoesOnAfterAThrottleAndDoesNotJudgeWhatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	const strangers = 150
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = strangers
	c := newCompanyOn(t, openedxtest.Start(t, world, openedxtest.WithThrottle(0)), "1235A")
	for i := 1; i <= strangers; i++ {
		c.lms.Enroll(fmt.Sprintf("l%03d", i), courseKey("1235A"), "audit")
	}
	course := &v1alpha1.Course{ObjectMeta: c.named(names.Contact("1235A"))}
	c.waitForState(course, v1alpha1.ReasonSynced)
	secondPage := openedxtest.Match{Path: enrollmentListPath, Query: "cursor="}
	c.lms.Fail(secondPage, openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second})
	c.requestCheck(course)
	c.eventually("the second page is refused", func() error {
		if calls := c.callsTo(enrollmentListPath); calls < 2 {
			return fmt.Errorf("%d calls", calls)
		}
		return nil
	})
	c.mustPut(joe("new", "1235A"), http.StatusCreated) // whom the first page would have shown
	c.waitForContact("new", v1alpha1.ReasonSynced)
	c.lms.ClearFaults()
	c.eventually("the course is swept", func() error {
		must(t, c.Get(context.Background(), client.ObjectKeyFromObject(course), course))
		if course.Status.Sweep.FinishedTime.IsZero() {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	wantSweep(t, course.Status.Sweep, strangers, 1, 0, 0, 0, 0, strangers)
	first := 0
	for _, call := range c.lms.Calls() {
		if call.Path == enrollmentListPath && !strings.Contains(call.Query, "cursor=") {
			first++
		}
	}
	if first != 1 {
		t.Errorf("the first page was read %d times", first)
	}
}

func TestASweepOfAccountsFindsTheRenamedTheInactiveAndThoseMadeAnew(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	learners := []string{"renamed", "sleeps", "same", "anew", "married"}
	for _, id := range learners {
		c.mustPut(joe(id, "1234A", "1235A"), http.StatusCreated)
	}
	for _, id := range learners {
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	renamed, _ := c.lms.Account(c.username("renamed"))
	c.lms.RenameUser(renamed.Username, "another_name")
	c.lms.SetEmail("another_name", "another.address@acme.com") // Only the number tells who that is.
	c.lms.SetActive(c.username("sleeps"), false)
	c.lms.SetName(c.username("married"), "Jo Jones")
	anew := c.username("anew")
	c.lms.RenameUser(anew, "before")
	c.lms.SetEmail("before", "before@acme.com")
	c.lms.AddUser(openedxtest.UserSpec{Username: anew, Email: "joe.anew@acme.com", Name: "Joe Smithanew", Active: true})

	sum := c.sweepAccounts()
	if found := fmt.Sprint(*sum.Compared, *sum.Missing, *sum.Inactive, *sum.Changed); found != "5 2 1 1" {
		t.Errorf("compared, missing, inactive, changed = %s, want 5 2 1 1", found)
	}
	c.waitForContact("sleeps", v1alpha1.ReasonAwaitingActivation)
	c.eventually("the renamed account is the contact's", func() error {
		if known := c.username("renamed"); known != "another_name" {
			return fmt.Errorf("it is %s", known)
		}
		return nil
	})
	if twin, made := c.lms.Account("joe.renamed@acme.com"); made {
		t.Errorf("the learner has two accounts, %s besides", twin.Username)
	}
	for _, id := range []string{"renamed", "married"} { // eox-core does not see its own accounts, and so cannot change them.
		c.eventually("what differs is shown on "+id, func() error {
			if !meta.IsStatusConditionFalse(c.contact(id).Status.Conditions, v1alpha1.ConditionProfileInSync) {
				return fmt.Errorf("the conditions are %+v", c.contact(id).Status.Conditions)
			}
			return nil
		})
	}
	for _, course := range []string{"1234A", "1235A"} {
		c.waitForLMS("joe.anew@acme.com", course, true)
	}

	c.lms.SetActive(c.username("sleeps"), true)
	c.sweepAccounts()
	for _, id := range learners {
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	c.lms.ResetCalls()
	c.sweepAccounts()
	if calls := c.callsTo(accountsPath); calls != 1 {
		t.Errorf("%d calls to compare accounts that are right", calls)
	}
}
