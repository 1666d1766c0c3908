package main

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// newCompanySeenByEoxCore has an LMS whose eox-core may change every account.
func newCompanySeenByEoxCore(t *testing.T, courses ...string) *company {
	t.Helper()
	return newCompanyOn(t, openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0), openedxtest.WithEoxSeeingAll()), courses...)
}

// newStockCompany has an LMS without plugins.
func newStockCompany(t *testing.T, courses ...string) *company {
	t.Helper()
	return newCompanyOn(t, openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore()), courses...)
}

func profileOf(contact *v1alpha1.Contact) metav1.Condition {
	if profile := meta.FindStatusCondition(contact.Status.Conditions, v1alpha1.ConditionProfileInSync); profile != nil {
		return *profile
	}
	return metav1.Condition{}
}

func TestAChangedNameAndAddressAreCarriedOver(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t, "1234A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	username := contact.Status.Learner.Username
	if got := profileOf(contact); got.Status != metav1.ConditionTrue {
		t.Errorf("profile of a new account = %+v", got)
	}
	// What was just made needs no comparison.
	if calls := c.callsTo("/eox-core/api/v1/update-user/"); calls > 0 {
		t.Errorf("%d changes of a new account", calls)
	}

	changed := joe("000123", "1234A")
	changed.LastName, changed.Email = "Miller", "Joe.Miller@acme.com"
	c.mustPut(changed, http.StatusOK)
	contact = c.waitForContact("000123", v1alpha1.ReasonSynced)
	account, _ := c.lms.Account(username)
	if account.Name != "Joe Miller" || !strings.EqualFold(account.Email, changed.Email) {
		t.Errorf("account = %+v", account)
	}
	if got := profileOf(contact); got.Status != metav1.ConditionTrue || got.ObservedGeneration != contact.Generation {
		t.Errorf("profile = %+v", got)
	}

	// Neither another case of the address nor another course is a change of the profile.
	c.lms.ResetCalls()
	changed.Email = "JOE.miller@acme.com"
	changed.Enrollments = []enrollment{}
	c.mustPut(changed, http.StatusOK)
	c.waitForLMS(changed.Email, "1234A", false)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if calls := c.callsTo(accountsPath) + c.callsTo("/eox-core/api/v1/update-user/"); calls > 0 {
		t.Errorf("%d calls for an unchanged profile", calls)
	}
}

func TestAnAdoptedAccountGetsTheNameOfTheDocument(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t)
	c.lms.AddUser(openedxtest.UserSpec{Username: "old_hand", Email: "Joe.000123@ACME.com", Name: "J. S.", Active: true})
	c.mustPut(joe("000123"), http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	if account, _ := c.lms.Account("old_hand"); account.Name != "Joe Smith000123" {
		t.Errorf("account = %+v", account)
	}
}

func TestAProfileThatCannotBeChangedIsShownAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	c := newStockCompany(t, "1234A", "1235A")
	c.mustPut(joe("000123", "1234A"), http.StatusCreated)
	username := c.waitForContact("000123", v1alpha1.ReasonSynced).Status.Learner.Username

	changed := joe("000123", "1234A", "1235A")
	changed.LastName, changed.Email = "Miller", "joe.miller@acme.com"
	c.mustPut(changed, http.StatusOK)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got, _ := c.lms.Enrollment(username, courseKey("1235A")); !got.Active {
		t.Error("the new course waits for the profile")
	}
	got := profileOf(contact)
	if got.Status != metav1.ConditionFalse || !strings.HasPrefix(got.Message, "The account has another name and another e-mail address. ") ||
		!strings.Contains(got.Message, "sync_learner_profile_data") {
		t.Errorf("profile = %+v", got)
	}

	// Single sign-on changes the one, an administrator the other.
	c.lms.SetEmail(username, "Joe.Miller@acme.com")
	c.requestCheck(contact)
	c.waitForProfile("000123", metav1.ConditionFalse, "The account has another name. ")
	c.lms.SetName(username, "Joe Miller")
	c.requestCheck(contact)
	c.waitForProfile("000123", metav1.ConditionTrue, "The account has the name")
}

func (c *company) waitForProfile(id string, status metav1.ConditionStatus, message string) {
	c.t.Helper()
	c.eventually("ProfileInSync is "+string(status), func() error {
		if got := profileOf(c.contact(id)); got.Status != status || !strings.HasPrefix(got.Message, message) {
			return conditionError(got)
		}
		return nil
	})
}

func TestAnAddressThatTheAccountCannotHaveIsAConflictThatNamesTheCase(t *testing.T) {
	t.Parallel()
	for reason, email := range map[string]string{
		v1alpha1.ReasonEmailInUse:       "maria.lopez@acme.com", // mlopez has it
		v1alpha1.ReasonEmailUnavailable: "signe@home.example",   // sberg recovers with it
		v1alpha1.ReasonAccountRetired:   "p.gone@acme.com",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			c := newCompanySeenByEoxCore(t, "1234A", "1235A")
			c.mustPut(joe("000123", "1235A"), http.StatusCreated)
			username := c.waitForContact("000123", v1alpha1.ReasonSynced).Status.Learner.Username
			changed := joe("000123", "1235A")
			changed.Email = email
			c.mustPut(changed, http.StatusOK)
			contact := c.waitForContact("000123", reason)
			account, _ := c.lms.Account(username)
			if contact.Status.Learner.Username != username || !strings.EqualFold(account.Email, joe("000123").Email) {
				t.Errorf("learner = %+v, account = %+v: the learner's account is another one", contact.Status.Learner, account)
			}
			if got, _ := c.lms.Enrollment(username, courseKey("1235A")); !got.Active {
				t.Error("the learner lost the course")
			}
			c.mustPut(joe("000123", "1235A"), http.StatusOK)
			c.waitForContact("000123", v1alpha1.ReasonSynced)
		})
	}
}

func TestAnAddressThatSomebodyTookOnTheLMSStaysAConflict(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	username := c.waitForContact("000123", v1alpha1.ReasonSynced).Status.Learner.Username
	c.lms.SetEmail(username, "joe.elsewhere@home.example")
	c.lms.AddUser(openedxtest.UserSpec{Username: "impostor", Email: d.Email, Name: "Somebody Else", Active: true})
	c.requestCheck(c.contact("000123"))
	c.waitForContact("000123", v1alpha1.ReasonEmailInUse)
	c.restart()
	c.waitUntilIdle()
	c.waitForContact("000123", v1alpha1.ReasonEmailInUse)
}

func TestALostAnswerOfARegistrationMakesNoTwin(t *testing.T) {
	t.Parallel()
	for name, newCompany := range map[string]func(*testing.T, ...string) *company{"Stock": newStockCompany, "EoxCore": newCompany} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, "1234A")
			lost := openedxtest.Fault{Lost: true, Times: 1}
			c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: registrationPath}, lost)
			c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: "/eox-core/api/v1/user/"}, lost)
			c.mustPut(joe("000123", "1234A"), http.StatusCreated)
			contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
			if got := contact.Status.Learner.Username; got != "joe_smith000123" {
				t.Errorf("username = %q, want the first that was tried", got)
			}
			if twin, there := c.lms.Account("joe_smith000123_000123"); there {
				t.Errorf("there is a twin: %+v", twin)
			}
		})
	}
}
