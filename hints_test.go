package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const hintsToken = "3q2-7wAbCdEf"

// takeHints lets the LMS send its events to Rollcall, as a form or in JSON.
func (c *company) takeHints(asForm bool) {
	c.t.Helper()
	c.create(&corev1.Secret{ObjectMeta: c.named("hints"), StringData: map[string]string{"token": hintsToken}})
	platform := c.defaultPlatform()
	change(c, platform, func(p *v1alpha1.LearningPlatform) { p.Spec.HintsSecretRef.Name = "hints" })
	c.eventually("hints are taken", func() error {
		if status := c.sendHint(http.MethodPost, "default", hintsToken, "{}"); status != http.StatusAccepted {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	c.lms.SendEvents(c.hintsURL("default", hintsToken), c.http, asForm)
}

func (c *company) hintsURL(platform, token string) string {
	return "https://" + c.door + "/gk/api/hints/" + c.namespace + "/" + platform + "/" + token
}

func (c *company) sendHint(method, platform, token, body string) int {
	c.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, c.hintsURL(platform, token), strings.NewReader(body))
	must(c.t, err)
	response, err := c.http.Do(request)
	must(c.t, err)
	defer response.Body.Close()
	return response.StatusCode
}

func TestAHintOfTheLMSBringsACheckOfWhatDiffers(t *testing.T) {
	t.Parallel()
	for name, asForm := range map[string]bool{"JSON": false, "Form": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, "1234A", "1235A")
			c.takeHints(asForm)
			for _, id := range []string{"leaves", "stays"} {
				c.mustPut(joe(id, "1234A", "1235A"), http.StatusCreated)
			}
			for _, id := range []string{"leaves", "stays"} {
				c.waitForContact(id, v1alpha1.ReasonSynced)
			}
			c.lms.Unenroll("mlopez", courseKey("1234A")) // who is a stranger
			c.lms.Unenroll(c.username("leaves"), courseKey("1234A"))
			c.waitForLMS("joe.leaves@acme.com", "1234A", true)
			c.waitForContact("leaves", v1alpha1.ReasonSynced)
			// Rollcall's own enrollments caused hints, too, and before these.
			for _, known := range []*v1alpha1.Enrollment{c.enrollment("stays", "1234A"), c.enrollment("leaves", "1235A")} {
				if asked := known.Annotations[v1alpha1.ReconcileRequestedAtAnnotation]; asked != "" {
					t.Errorf("a check of %s was asked for, which is as Rollcall left it", known.Name)
				}
			}
			if c.enrolledOnLMS("mlopez", "1234A") {
				t.Error("a stranger was enrolled")
			}
		})
	}
}

func TestALoginIsAHintForWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	c := newFirstLoginCompany(t, "1234A")
	c.takeHints(false)
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonAwaitingFirstLogin)
	c.waitForPreEnrollments(d.Email, "1234A")
	c.lms.LogInFirst("joe_sso", d.Email, lms.FullName(d.FirstName, d.LastName))
	if got := c.waitForContact("000123", v1alpha1.ReasonSynced).Status.Learner.Username; got != "joe_sso" {
		t.Errorf("the learner is %s", got)
	}
}

func TestHintsNeedTheSecretAddress(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	if status := c.sendHint(http.MethodPost, "default", "", "{}"); status != http.StatusNotFound {
		t.Errorf("status %d without a Secret", status)
	}
	c.takeHints(false)
	for name, test := range map[string]struct {
		method, platform, token, body string
		want                          int
	}{
		"unknown event":    {http.MethodPost, "default", hintsToken, `{"openedx_events.learning.data.CohortData": {}}`, http.StatusAccepted},
		"no event":         {http.MethodPost, "default", hintsToken, `nonsense`, http.StatusAccepted},
		"too long":         {http.MethodPost, "default", hintsToken, strings.Repeat(" ", 64<<10+1), http.StatusRequestEntityTooLarge},
		"another token":    {http.MethodPost, "default", hintsToken + "x", "{}", http.StatusNotFound},
		"no token":         {http.MethodPost, "default", "", "{}", http.StatusNotFound},
		"another platform": {http.MethodPost, "other", hintsToken, "{}", http.StatusNotFound},
		"another method":   {http.MethodGet, "default", hintsToken, "", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if status := c.sendHint(test.method, test.platform, test.token, test.body); status != test.want {
				t.Errorf("status %d, want %d", status, test.want)
			}
		})
	}
}
