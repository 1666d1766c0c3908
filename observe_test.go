package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func (c *company) setMode(mode v1alpha1.PlatformMode) {
	c.t.Helper()
	change(c, c.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) { platform.Spec.Mode = mode })
	c.waitForState(c.defaultPlatform(), v1alpha1.ReasonConnected)
}

// waitForObserved waits until the platform shows so many accounts and enrollments that would be made, and withdrawals.
func (c *company) waitForObserved(create, enroll, withdraw int32) {
	c.t.Helper()
	c.eventually("what would be done is summed up", func() error {
		platform := c.defaultPlatform()
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(platform), platform); err != nil {
			return err
		}
		got := platform.Status.Observed
		if got.WouldCreate == nil || *got.WouldCreate != create || *got.WouldEnroll != enroll || *got.WouldWithdraw != withdraw {
			return fmt.Errorf("it is %s", asJSON(got))
		}
		return nil
	})
}

func TestAnLMSThatIsObservedIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t, "1234A", "1235A")
	c.setMode(v1alpha1.PlatformModeObserve)
	c.create(&v1alpha1.Course{ObjectMeta: c.named("paid"), Spec: v1alpha1.CourseSpec{CourseCode: "PAID", CourseKey: courseKey("2100S"), Mode: "verified"}})
	for _, id := range []string{"sold", "absent", "mode", "dropped", "deleted", "renamed", "ended"} {
		name := "Joe Smith" + id
		if id == "renamed" {
			name = "Jane Miller"
		}
		c.lms.AddUser(openedxtest.UserSpec{Username: "user_" + id, Email: joe(id).Email, Name: name, Active: true})
	}
	for _, id := range []string{"sold", "dropped", "deleted", "renamed", "ended"} {
		c.lms.Enroll("user_"+id, courseKey("1234A"), "audit")
	}
	c.lms.Enroll("user_mode", courseKey("2100S"), "audit")
	c.lms.ResetCalls()

	for id, courses := range map[string][]string{
		"new": {"1234A", "1235A"}, "sold": {"1234A"}, "absent": {"1234A"}, "mode": {"PAID"}, "dropped": {"1234A"}, "deleted": {"1234A"}, "renamed": {"1234A"}, "ended": {"1234A"},
	} {
		c.mustPut(joe(id, courses...), http.StatusCreated)
	}
	for id, want := range map[string]string{
		"new": v1alpha1.ReasonWouldCreate, "absent": v1alpha1.ReasonWouldEnroll, "mode": v1alpha1.ReasonWouldEnroll,
		"sold": v1alpha1.ReasonSynced, "dropped": v1alpha1.ReasonSynced, "deleted": v1alpha1.ReasonSynced, "renamed": v1alpha1.ReasonSynced, "ended": v1alpha1.ReasonSynced,
	} {
		contact := c.waitForContact(id, want)
		if status := readyOf(contact).Status; want != v1alpha1.ReasonSynced && (status != metav1.ConditionUnknown || len(contact.Status.Conditions) > 2) {
			t.Errorf("conditions of %s = %+v", id, contact.Status.Conditions)
		}
	}
	for _, course := range []string{"1234A", "1235A"} {
		c.waitForEnrollment("new", course, v1alpha1.ReasonWouldEnroll)
	}
	if got := c.waitForEnrollment("mode", "PAID", v1alpha1.ReasonWouldEnroll); !*got.Status.Enrolled || got.Status.Mode != "audit" {
		t.Errorf("status = %+v, want what there is on the LMS", got.Status)
	}
	if got := c.contact("sold").Status.Learner; got.Username != "user_sold" || got.ProvisionedBy != v1alpha1.ProvisionedByAdoption {
		t.Errorf("learner = %+v", got)
	}
	if got := profileOf(c.contact("renamed")); got.Status != metav1.ConditionFalse || !strings.Contains(got.Message, "only observes") {
		t.Errorf("profile = %+v", got)
	}

	// What changes is observed too.
	c.mustPut(joe("dropped"), http.StatusOK)
	c.waitForContact("dropped", v1alpha1.ReasonWouldWithdraw)
	ended := joe("ended", "1234A")
	ended.Enrollments[0].AccessEndDate = "2018-09-30"
	c.mustPut(ended, http.StatusOK)
	c.waitForEnrollment("ended", "1234A", v1alpha1.ReasonWouldWithdraw)
	change(c, c.contact("deleted"), func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = v1alpha1.DeletionDeactivate })
	must(t, c.Delete(context.Background(), c.contact("deleted")))
	c.waitUntilGone(&v1alpha1.Contact{ObjectMeta: c.named(names.Contact("deleted"))})
	c.waitForObserved(1, 4, 2)
	if writes := c.lms.Writes(); writes > 0 {
		t.Errorf("%d writing calls were made", writes)
	}

	// A restart looks at nothing again, and what is found in time is.
	c.lms.ResetCalls()
	c.restart()
	c.waitForObserved(1, 4, 2)
	c.mustPut(joe("last"), http.StatusCreated)
	c.waitForContact("last", v1alpha1.ReasonWouldCreate)
	if calls := c.callsWith(http.MethodGet, "/eox-core/api/v1/enrollment/"); calls > 0 {
		t.Errorf("%d enrollments were read after a restart", calls)
	}
	c.lms.Enroll("user_absent", courseKey("1234A"), "audit")
	c.travelTo(c.clock.Now().Add(30 * time.Hour))
	c.waitForContact("absent", v1alpha1.ReasonSynced)

	// A course that is sold again is no withdrawal.
	c.mustPut(joe("dropped", "1234A"), http.StatusOK)
	c.waitForContact("dropped", v1alpha1.ReasonSynced)
	c.mustPut(joe("dropped"), http.StatusOK)
	c.waitForObserved(2, 3, 2)
	if writes := c.lms.Writes(); writes > 0 {
		t.Errorf("%d writing calls were made", writes)
	}

	c.setMode(v1alpha1.PlatformModeEnforce)
	for _, id := range []string{"new", "sold", "absent", "mode", "dropped", "renamed", "ended", "last"} {
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	for id, want := range map[string]bool{"new": true, "absent": true, "sold": true, "dropped": false, "ended": false, "deleted": true} {
		if got := c.enrolledOnLMS(joe(id).Email, "1234A"); got != want {
			t.Errorf("%s is enrolled: %v", id, got)
		}
	}
	if got, _ := c.lms.Enrollment("user_mode", courseKey("2100S")); got.Mode != "verified" {
		t.Errorf("enrollment = %+v", got)
	}
	c.eventually("the name is carried over", func() error {
		if account, _ := c.lms.Account("user_renamed"); account.Name != "Joe Smithrenamed" {
			return fmt.Errorf("it is %s", account.Name)
		}
		return nil
	})
	c.eventually("nothing is observed any more", func() error {
		platform := c.defaultPlatform()
		must(t, c.Get(context.Background(), client.ObjectKeyFromObject(platform), platform))
		if got := platform.Status.Observed; got != (v1alpha1.ObservedStatus{}) {
			return fmt.Errorf("it shows %s", asJSON(got))
		}
		return nil
	})

	c.setMode(v1alpha1.PlatformModeObserve)
	c.mustPut(joe("sold"), http.StatusOK)
	c.waitForContact("sold", v1alpha1.ReasonWouldWithdraw)
	if !c.enrolledOnLMS(joe("sold").Email, "1234A") {
		t.Error("a learner was withdrawn on a platform that is observed again")
	}
}

func TestAnObservedLMSIsNotToldOfFirstLogins(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A", "1235A")
	c.mustPut(joe("before", "1234A"), http.StatusCreated)
	c.waitForPreEnrollments(joe("before").Email, "1234A")
	c.waitForContact("before", v1alpha1.ReasonAwaitingFirstLogin)
	c.setMode(v1alpha1.PlatformModeObserve)
	c.lms.ResetCalls()
	c.mustPut(joe("before"), http.StatusOK)
	c.waitForEnrollment("before", "1234A", v1alpha1.ReasonWouldWithdraw)
	c.mustPut(joe("000123", "1234A", "1235A"), http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForEnrollment("000123", "1234A", v1alpha1.ReasonWouldEnroll)
	c.mustPut(joe("000123", "1235A"), http.StatusOK)
	c.waitUntilGone(&v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment("000123", "1234A"))})
	c.waitForObserved(0, 1, 1)
	if writes := c.lms.Writes(); writes > 0 {
		t.Errorf("%d writing calls were made", writes)
	}
	c.setMode(v1alpha1.PlatformModeEnforce)
	c.waitForPreEnrollments(joe("000123").Email, "1235A")
	c.waitForPreEnrollments(joe("before").Email)
}
