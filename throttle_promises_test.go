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

	c.travelTo(c.clock.Now().Add(11 * time.Minute))
	c.requestCheck(platform)
	c.eventually("the platform does not show it any more", func() error {
		if throttled() != nil {
			return errors.New("it does")
		}
		return nil
	})
	c.waitForEvents(v1alpha1.ReasonThrottled, 1) // That is one for all, on the platform.
	for i := range learners {
		name := fmt.Sprint("during-", i)
		c.requestCheck(c.contact(name))
		c.waitForContact(name, v1alpha1.ReasonSynced)
	}
}

func TestOnlyOneLearnerTriesAgainWhileNewAccountsAreLimited(t *testing.T) {
	t.Parallel()
	const learners, limit = 12, 4
	clock := &travelClock{}
	world := openedxtest.DemoWorld()
	world.Settings.RegistrationRateLimit = fmt.Sprint(limit, "/1000d") // a window that does not end meanwhile
	lms := openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore(), openedxtest.WithClock(clock))
	c := newCompanyWith(t, lms, clock, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.DriftPolicy = v1alpha1.DriftPolicyOff // A sweep of the hours that pass would look accounts up.
	}, "1234A")
	platform := c.defaultPlatform()
	for i := range limit {
		c.mustPut(joe(fmt.Sprint("made-", i), "1234A"), http.StatusCreated)
		c.waitForContact(fmt.Sprint("made-", i), v1alpha1.ReasonSynced)
	}
	mustShow := func(want bool) {
		t.Helper()
		c.eventually(fmt.Sprint("the platform shows that new accounts are limited: ", want), func() error {
			must(t, c.Get(t.Context(), client.ObjectKeyFromObject(platform), platform))
			condition := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionRegistrationLimited)
			shown := condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == v1alpha1.ReasonRegistrationLimited &&
				strings.Contains(condition.Message, "REGISTRATION_RATELIMIT")
			if shown != want || condition != nil && !shown {
				return fmt.Errorf("it shows %+v", condition)
			}
			return nil
		})
		if !isReady(platform) || meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionThrottled) != nil {
			t.Errorf("the limit says nothing against the platform, and is no throttle: %+v", platform.Status.Conditions)
		}
	}
	mustShow(false)

	for i := range learners - limit {
		c.mustPut(joe(fmt.Sprint("waits-", i), "1234A"), http.StatusCreated)
		c.waitForContact(fmt.Sprint("waits-", i), v1alpha1.ReasonRegistrationLimited)
	}
	mustShow(true)
	c.waitUntilIdle()
	c.lms.ResetCalls()
	for pause := range 3 {
		c.travelTo(clock.Now().Add(time.Hour + time.Minute))
		c.eventually("one learner tries again", func() error {
			if got := c.callsTo(registrationPath); got <= pause {
				return fmt.Errorf("%d have tried in %d pauses", got, pause+1)
			}
			return nil
		})
		c.waitUntilIdle()
		if got := c.callsTo(registrationPath); got != pause+1 {
			t.Fatalf("%d learners have tried in %d pauses", got, pause+1)
		}
	}
	if got := c.callsTo(accountsPath); got > 0 {
		t.Errorf("%d calls about accounts for learners who only wait", got)
	}
	for i := range learners - limit {
		if contact := c.waitForContact(fmt.Sprint("waits-", i), v1alpha1.ReasonRegistrationLimited); contact.Status.Attempts != nil {
			t.Errorf("attempts = %+v, want none: it is not the learner's fault", contact.Status.Attempts)
		}
	}
	mustShow(true)

	c.lms.SetRegistrationRateLimit("1000/1000d")
	c.travelTo(clock.Now().Add(time.Hour + time.Minute))
	for i := range learners - limit {
		c.waitForContact(fmt.Sprint("waits-", i), v1alpha1.ReasonSynced)
	}
	mustShow(false)
}
