package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	tokenPath        = "/oauth2/access_token"
	rolesPath        = "/api/enrollment/v1/roles/"
	accountsPath     = "/api/user/v1/accounts"
	registrationPath = "/api/user/v1/account/registration/"
)

// callsTo counts the calls that the LMS had to paths that begin so.
func (c *company) callsTo(path string) (count int) {
	for _, call := range c.lms.Calls() {
		if strings.HasPrefix(call.Path, path) {
			count++
		}
	}
	return count
}

func (c *company) defaultPlatform() *v1alpha1.LearningPlatform {
	return &v1alpha1.LearningPlatform{ObjectMeta: c.named("default")}
}

func TestAnLMSThatSaysWhenItWillBeBackIsLeftAlone(t *testing.T) {
	t.Parallel()
	const learners = 20
	c := newCompany(t, "1234A")
	c.mustPut(joe("before", "1234A"), http.StatusCreated)
	c.waitForContact("before", v1alpha1.ReasonSynced)

	c.travelTo(c.clock.Now().Add(time.Minute)) // A platform that was found well just now is not looked at again at once.
	c.lms.Fail(openedxtest.Match{}, openedxtest.Fault{Status: http.StatusServiceUnavailable, RetryAfter: 10 * time.Minute})
	c.lms.ResetCalls()
	for i := range learners {
		c.mustPut(joe(fmt.Sprint("during-", i), "1234A"), http.StatusCreated)
	}
	platform := c.defaultPlatform()
	c.waitForState(platform, v1alpha1.ReasonUnreachable)
	for i := range learners {
		contact := c.waitForContact(fmt.Sprint("during-", i), v1alpha1.ReasonPlatformUnavailable)
		if contact.Status.Attempts != nil {
			t.Errorf("attempts = %+v, want none", contact.Status.Attempts)
		}
	}
	if got := c.callsTo(accountsPath); got >= learners/2 {
		t.Errorf("%d of %d learners called an LMS that is out of service", got, learners)
	}
	if !isReady(c.contact("before")) {
		t.Error("a contact that was in step is not any more")
	}

	c.lms.ClearFaults()
	c.requestCheck(platform)
	c.waitForState(platform, v1alpha1.ReasonConnected)
	for i := range learners {
		// A call that was under way when time was skipped seemed to be a slow one, and turns are promised by how long calls take.
		c.eventually("the work goes on", func() error {
			if ready := readyOf(c.contact(fmt.Sprint("during-", i))); ready.Reason != v1alpha1.ReasonSynced {
				c.clock.travelTo(c.clock.Now().Add(time.Second))
				return fmt.Errorf("learner %d is %s: %s", i, ready.Reason, ready.Message)
			}
			return nil
		})
	}
}

func TestAnEnrollmentThatWasNeverTriedGoesOnWhenThePlatformIsBack(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("1", "1234A"), http.StatusCreated)
	c.waitForContact("1", v1alpha1.ReasonSynced)
	c.travelTo(c.clock.Now().Add(time.Minute)) // A platform that was found well just now is not looked at again at once.
	c.lms.SetDown(true)
	platform := c.defaultPlatform()
	c.requestCheck(platform)
	c.waitForState(platform, v1alpha1.ReasonUnreachable)
	c.mustPut(joe("1", "1234A", "1235A"), http.StatusOK)
	if waits := c.waitForEnrollment("1", "1235A", v1alpha1.ReasonPlatformUnavailable); waits.Status.Platform != "" {
		t.Errorf("it was tried on %s", waits.Status.Platform)
	}
	c.lms.SetDown(false)
	c.waitForContact("1", v1alpha1.ReasonSynced)
}

func TestARefusedRegistrationIsNotTriedForEveryLearner(t *testing.T) {
	t.Parallel()
	for reason, refuse := range map[string]func(*openedxtest.World) func(*openedxtest.Server){
		v1alpha1.ReasonRegistrationLimited: func(world *openedxtest.World) func(*openedxtest.Server) {
			world.Settings.RegistrationRateLimit = "0/7d"
			return func(*openedxtest.Server) {}
		},
		v1alpha1.ReasonRegistrationClosed: func(*openedxtest.World) func(*openedxtest.Server) {
			return func(lms *openedxtest.Server) {
				lms.Fail(openedxtest.Match{Method: http.MethodPost, Path: registrationPath}, openedxtest.Fault{Status: http.StatusForbidden})
			}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			const learners = 12
			world := openedxtest.DemoWorld()
			arm := refuse(&world)
			lms := openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithoutEoxCore())
			arm(lms)
			c := newCompanyOn(t, lms, "1234A")
			for i := range learners {
				c.mustPut(joe(fmt.Sprint(i), "1234A"), http.StatusCreated)
			}
			for i := range learners {
				if contact := c.waitForContact(fmt.Sprint(i), reason); contact.Status.Attempts != nil {
					t.Errorf("attempts = %+v, want none: it is not the learner's fault", contact.Status.Attempts)
				}
			}
			// Those that were under way together when the first was refused.
			if got := c.callsTo(registrationPath); got > 4 {
				t.Errorf("%d registrations were tried for %d learners", got, learners)
			}
			platform := c.defaultPlatform()
			c.waitForState(platform, v1alpha1.ReasonConnected)
			c.eventually("the platform says that no accounts are made", func() error {
				must(t, c.Get(t.Context(), client.ObjectKeyFromObject(platform), platform))
				condition := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionRegistrationLimited)
				if condition == nil || condition.Status != metav1.ConditionTrue || condition.Reason != reason {
					return fmt.Errorf("it says %+v", condition)
				}
				return nil
			})

			// An edit that makes another connection does not make the LMS forget.
			c.lms.ResetCalls()
			change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.CallsPerMinute++ })
			c.eventually("the learners are looked for again", func() error {
				if c.callsTo(accountsPath) == 0 {
					return errors.New("they are not")
				}
				return nil
			})
			c.waitUntilIdle()
			if got := c.callsTo(registrationPath); got > 0 {
				t.Errorf("%d more registrations were tried", got)
			}

			// Who has an account is served all the same.
			adopted := joe("adopted", "1234A")
			c.lms.AddUser(openedxtest.UserSpec{Username: "adopted", Email: adopted.Email, Active: true})
			c.mustPut(adopted, http.StatusCreated)
			c.waitForContact("adopted", v1alpha1.ReasonSynced)
			c.waitForEvents(reason, 1) // That is one for all, on the platform.
		})
	}
}

func TestAnEditThatIsOfNoInterestToTheLMSKeepsTheConnection(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	platform := c.defaultPlatform()
	c.waitForState(platform, v1alpha1.ReasonConnected)
	// A connection has one token, so that a new one shows.
	for _, edit := range []struct {
		name   string
		make   func()
		tokens int
	}{
		{"time zone", func() {
			change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = "Asia/Tokyo" })
		}, 0},
		{"label of the Secret", func() {
			change(c, &corev1.Secret{ObjectMeta: c.named("open-edx")}, func(secret *corev1.Secret) {
				metav1.SetMetaDataLabel(&secret.ObjectMeta, "team", "north")
			})
		}, 0},
		{"call budget", func() {
			change(c, platform, func(platform *v1alpha1.LearningPlatform) { platform.Spec.CallsPerMinute = 60 })
		}, 1},
	} {
		c.lms.ResetCalls()
		edit.make()
		c.eventually("the platform is probed after a change of the "+edit.name, func() error {
			if c.callsTo(rolesPath) == 0 {
				return errors.New("it is not")
			}
			return nil
		})
		if got := c.callsTo(tokenPath); got != edit.tokens {
			t.Errorf("%d new connections after a change of the %s, want %d", got, edit.name, edit.tokens)
		}
	}
}
