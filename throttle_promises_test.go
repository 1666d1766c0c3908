package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestAThrottleOfTheLMSIsShownOnThePlatformAndCostsNoAttempt(t *testing.T) {
	t.Parallel()
	const learners = 6
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore())
	c := newCompanyOn(t, lms, "1234A")
	c.mustPut(joe("before", "1234A"), http.StatusCreated)
	c.waitForContact("before", v1alpha1.ReasonSynced)
	platform := c.defaultPlatform()

	c.lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: "/api/enrollment/v1/enrollment"},
		openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 10 * time.Minute, Times: 1})
	c.lms.ResetCalls()
	for i := range learners {
		c.mustPut(joe(fmt.Sprint("during-", i), "1234A"), http.StatusCreated)
	}
	throttled := func() *metav1.Condition {
		must(t, c.Get(t.Context(), client.ObjectKeyFromObject(platform), platform))
		return meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionThrottled)
	}
	c.eventually("the platform shows the throttle", func() error {
		condition := throttled()
		switch {
		case condition == nil:
			return errors.New("it does not")
		case condition.Status != metav1.ConditionTrue || condition.Reason != v1alpha1.ReasonThrottled || !strings.Contains(condition.Message, "enrollments"):
			return fmt.Errorf("it shows %+v", condition)
		}
		return nil
	})
	if !isReady(platform) {
		t.Error("a throttle says nothing against the platform")
	}
	for i := range learners {
		contact := c.waitForContact(fmt.Sprint("during-", i), v1alpha1.ReasonThrottled)
		if contact.Status.Learner.Username == "" || contact.Status.Attempts != nil {
			t.Errorf("account %q, attempts %+v; the accounts are not throttled, and an attempt is not counted", contact.Status.Learner.Username, contact.Status.Attempts)
		}
	}
	for _, call := range c.lms.Calls() {
		if strings.HasPrefix(call.Path, "/api/enrollment/v1/enrollment") && call.Status != http.StatusTooManyRequests {
			t.Errorf("%s %s was called while the gate was shut", call.Method, call.Path)
		}
	}

	c.clock.travelTo(c.clock.Now().Add(11 * time.Minute))
	c.requestCheck(platform)
	c.eventually("the platform does not show it any more", func() error {
		if throttled() != nil {
			return errors.New("it does")
		}
		return nil
	})
	for i := range learners {
		name := fmt.Sprint("during-", i)
		c.requestCheck(c.contact(name))
		c.waitForContact(name, v1alpha1.ReasonSynced)
	}
}
