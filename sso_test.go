package main

import (
	"fmt"
	"net/http"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const ssoProvider = "oa2-keycloak"

// newSSOCompany is one on whose LMS learners sign on through a provider, which makes active accounts.
func newSSOCompany(t *testing.T) *company {
	t.Helper()
	world := openedxtest.DemoWorld()
	world.Settings.SkipEmailValidation = true
	lms := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	lms.EnableSSO(ssoProvider)
	return newCompanyWith(t, lms, &travelClock{}, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.Learners.SSOProviderID = ssoProvider
	}, "1234A")
}

// waitForLink waits until the contact says in SSOLinked what it is to say; empty is that it says nothing.
func (c *company) waitForLink(id, reason string) {
	c.t.Helper()
	c.eventually("SSOLinked of "+id+" is "+reason, func() error {
		got := ""
		if linked := meta.FindStatusCondition(c.contact(id).Status.Conditions, v1alpha1.ConditionSSOLinked); linked != nil {
			got = linked.Reason
		}
		if got != reason {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func (c *company) waitForLinksUnknown(reason string) {
	c.t.Helper()
	platform := c.defaultPlatform()
	c.eventually("SSOLinksUnknown is "+reason, func() error {
		c.waitForState(platform, v1alpha1.ReasonConnected)
		got := ""
		if unknown := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionSSOLinksUnknown); unknown != nil {
			got = unknown.Reason
		}
		if got != reason {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func TestContactsSayWhoIsLinkedToSingleSignOn(t *testing.T) {
	t.Parallel()
	c := newSSOCompany(t)
	for _, id := range []string{"in", "out"} {
		c.mustPut(joe(id, "1234A"), http.StatusCreated)
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	if username, err := c.lms.SignOn(ssoProvider, "uid-1", "Joe.IN@acme.com"); err != nil || username != c.username("in") {
		t.Fatalf("the first single sign-on led to %q, %v", username, err)
	}
	c.sweepAccounts()
	c.waitForLink("in", v1alpha1.ReasonLinked)
	c.waitForLink("out", v1alpha1.ReasonNotLinked)

	// What Rollcall writes for other reasons leaves it, and another sweep writes nothing.
	changed := joe("out", "1234A")
	changed.Enrollments[0].AccessEndDate = "2098-09-30"
	c.mustPut(changed, http.StatusOK)
	c.waitForContact("out", v1alpha1.ReasonSynced)
	c.waitForLink("out", v1alpha1.ReasonNotLinked)
	before := c.contact("in").ResourceVersion + " " + c.contact("out").ResourceVersion
	c.lms.ResetCalls()
	c.sweepAccounts()
	c.eventually("links are looked for", func() error {
		if calls := c.callsTo("/api/third_party_auth/v0/providers/" + ssoProvider + "/users"); calls != 1 {
			return fmt.Errorf("in %d calls", calls)
		}
		return nil
	})
	c.sweepAccounts() // which begins when the look at links has come to its end
	if after := c.contact("in").ResourceVersion + " " + c.contact("out").ResourceVersion; after != before {
		t.Error("a sweep that found nothing new wrote")
	}
	if _, err := c.lms.SignOn(ssoProvider, "uid-2", "joe.out@acme.com"); err != nil {
		t.Fatal(err)
	}
	c.sweepAccounts()
	c.waitForLink("out", v1alpha1.ReasonLinked)

	// Where nothing is to be looked for any more, nothing is said.
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.SSOProviderID = "" })
	c.sweepAccounts()
	c.waitForLink("in", "")
	c.waitForLink("out", "")
}

func TestAnUnknownProviderShowsOnThePlatformOnly(t *testing.T) {
	t.Parallel()
	c := newSSOCompany(t)
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.sweepAccounts()
	c.waitForLink("a", v1alpha1.ReasonNotLinked)
	c.lms.DisableSSO(ssoProvider)
	c.sweepAccounts()
	c.waitForLinksUnknown(v1alpha1.ReasonProviderNotFound)
	c.waitForLink("a", v1alpha1.ReasonNotLinked)
	c.lms.EnableSSO(ssoProvider)
	c.requestCheck(c.defaultPlatform()) // which the platform's own controller answers too
	c.waitForLinksUnknown("")
}

func TestLinksAreLookedForWhereTheLMSIsOnlyObserved(t *testing.T) {
	t.Parallel()
	c := newSSOCompany(t)
	c.mustPut(joe("a", "1234A"), http.StatusCreated)
	c.waitForContact("a", v1alpha1.ReasonSynced)
	c.setMode(v1alpha1.PlatformModeObserve)
	c.sweepAccounts()
	c.waitForLink("a", v1alpha1.ReasonNotLinked)
}
