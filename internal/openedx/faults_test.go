package openedx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// What follows needs an LMS that can be made to fail, and so runs against the stand-in only.

const (
	pathToken        = "/oauth2/access_token"
	pathRoles        = "/api/enrollment/v1/roles/"
	pathAccounts     = "/api/user/v1/accounts"
	pathSearch       = "/api/user/v1/accounts/search_emails"
	pathRegistration = "/api/user/v1/account/registration/"
	pathEoxUser      = "/eox-core/api/v1/user/"
	pathEnrollment   = "/api/enrollment/v1/enrollment"
	pathEoxEnroll    = "/eox-core/api/v1/enrollment/"
)

// openCourse has the modes audit and verified.
var openCourse = openedxtest.DemoCourses[0].ID

func start(t *testing.T, options ...openedxtest.Option) *openedxtest.Server {
	t.Helper()
	return openedxtest.Start(t, openedxtest.DemoWorld(), append(options, openedxtest.WithThrottle(0))...)
}

// onBothRoutes runs a test on the stock routes and on those of eox-core.
func onBothRoutes(t *testing.T, test func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client)) {
	t.Run("Stock", func(t *testing.T) {
		standIn := start(t)
		test(t, standIn, newClient(t, stock(configFor(standIn))))
	})
	t.Run("EoxCore", func(t *testing.T) {
		standIn := start(t)
		test(t, standIn, newClient(t, eoxCore(configFor(standIn))))
	})
}

func stock(config openedx.Config) openedx.Config {
	config.AccountRoute, config.EnrollmentRoute = v1alpha1.AccountRouteRegistration, v1alpha1.EnrollmentRouteSingle
	return config
}

func eoxCore(config openedx.Config) openedx.Config {
	config.AccountRoute, config.EnrollmentRoute = v1alpha1.AccountRouteEoxCore, v1alpha1.EnrollmentRouteEoxCore
	return config
}

// callsTo counts the calls to a path.
func callsTo(standIn *openedxtest.Server, method, path string) (count int) {
	for _, call := range standIn.Calls() {
		if call.Method == method && strings.HasPrefix(call.Path, path) {
			count++
		}
	}
	return count
}

func mustEnroll(t *testing.T, platform lms.Platform, wish lms.EnrollmentRequest) lms.Enrollment {
	t.Helper()
	got, err := platform.Enroll(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLostAnswers(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		lost := openedxtest.Fault{Lost: true, Times: 1}
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathRegistration}, lost)
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEoxUser}, lost)
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEnrollment}, lost)
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEoxEnroll}, lost)

		learner := newLearner()
		_, err := client.CreateLearner(t.Context(), learner)
		mustFail(t, err, lms.Transient, v1alpha1.ReasonUnreachable)
		found, err := client.FindLearner(t.Context(), learner.Email)
		if err != nil || found == nil {
			t.Fatalf("found %v, %v", found, err)
		}
		_, err = client.CreateLearner(t.Context(), learner)
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonEmailInUse)

		// mlopez is seen by eox-core; what it made itself is not.
		standIn.Unenroll("mlopez", openCourse)
		wish := lms.EnrollmentRequest{Username: "mlopez", CourseKey: openCourse, Mode: "audit"}
		_, err = client.Enroll(t.Context(), wish)
		mustFail(t, err, lms.Transient, v1alpha1.ReasonUnreachable)
		mustEnroll(t, client, wish)
		if got, _ := standIn.Enrollment("mlopez", openCourse); !got.Active || got.Mode != "audit" {
			t.Errorf("enrolled as %+v", got)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Run("Shared", func(t *testing.T) {
		standIn := start(t)
		client := newClient(t, configFor(standIn))
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				if _, err := client.FindLearner(t.Context(), "maria.lopez@acme.com"); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if got := callsTo(standIn, http.MethodPost, pathToken); got != 1 {
			t.Errorf("%d tokens", got)
		}
	})
	t.Run("Revoked", func(t *testing.T) {
		standIn := start(t)
		client := newClient(t, configFor(standIn))
		find := func() {
			if _, err := client.FindLearner(t.Context(), "maria.lopez@acme.com"); err != nil {
				t.Error(err)
			}
		}
		find()
		standIn.RevokeTokens()
		standIn.ResetCalls()
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(find)
		}
		calls.Wait()
		find()
		if got := callsTo(standIn, http.MethodPost, pathToken); got != 1 {
			t.Errorf("%d new tokens", got)
		}
	})
	t.Run("RevokedAndSecretRotated", func(t *testing.T) {
		standIn := start(t)
		client := newClient(t, configFor(standIn))
		if _, err := client.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		standIn.RotateClientSecret("rollcall", "another")
		standIn.RevokeTokens()
		_, err := client.FindLearner(t.Context(), "maria.lopez@acme.com")
		if failure := failureOf(t, err, lms.Fatal, v1alpha1.ReasonCredentialsRefused); !failure.PlatformWide {
			t.Error("that is nobody's failure but the platform's")
		}
	})
	t.Run("RefusedForever", func(t *testing.T) {
		standIn := start(t)
		standIn.Fail(openedxtest.Match{Path: pathAccounts}, openedxtest.Fault{Status: http.StatusUnauthorized})
		_, err := newClient(t, configFor(standIn)).FindLearner(t.Context(), "maria.lopez@acme.com")
		if failure := failureOf(t, err, lms.Fatal, v1alpha1.ReasonCredentialsRefused); !failure.PlatformWide {
			t.Error("that is nobody's failure but the platform's")
		}
		if got := callsTo(standIn, http.MethodPost, pathSearch); got != 2 {
			t.Errorf("tried %d times", got)
		}
	})
	t.Run("RenewedEarly", func(t *testing.T) {
		standIn := start(t)
		clock := clocktesting.NewFakeClock(time.Now())
		config := configFor(standIn)
		config.Clock = clock
		client := newClient(t, config)
		for _, step := range []struct {
			later  time.Duration
			tokens int
		}{{0, 1}, {58 * time.Minute, 1}, {time.Minute, 2}} { // a token lives for an hour
			clock.Step(step.later)
			if _, err := client.FindLearner(t.Context(), "maria.lopez@acme.com"); err != nil {
				t.Fatal(err)
			}
			if got := callsTo(standIn, http.MethodPost, pathToken); got != step.tokens {
				t.Errorf("%d tokens after %s more, want %d", got, step.later, step.tokens)
			}
		}
	})
}

func TestThrottled(t *testing.T) {
	wish := lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse}
	for name, test := range map[string]struct {
		said, want time.Duration
	}{
		"RetryAfter":        {58 * time.Second, 58 * time.Second},
		"WithoutRetryAfter": {0, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			standIn := start(t)
			standIn.Fail(openedxtest.Match{Path: pathEnrollment}, openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: test.said, Times: 1})
			clock := clocktesting.NewFakeClock(time.Now())
			config := stock(configFor(standIn))
			config.Clock = clock
			client := newClient(t, config)

			for range 2 {
				_, err := client.Enroll(t.Context(), wish)
				failure := failureOf(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
				if !failure.PlatformWide || failure.RetryAfter != test.want {
					t.Errorf("platform-wide %t, again after %s", failure.PlatformWide, failure.RetryAfter)
				}
			}
			if got := callsTo(standIn, http.MethodPost, pathEnrollment); got != 1 {
				t.Errorf("%d calls went to the LMS", got)
			}
			// What the LMS does not throttle goes on.
			if _, err := client.FindLearner(t.Context(), "james.chen@acme.com"); err != nil {
				t.Error(err)
			}
			clock.Step(test.want)
			mustEnroll(t, client, wish)
		})
	}
	for _, status := range []int{http.StatusTooManyRequests, http.StatusForbidden} {
		t.Run("Token"+http.StatusText(status), func(t *testing.T) {
			standIn := start(t)
			standIn.Fail(openedxtest.Match{Path: pathToken}, openedxtest.Fault{Status: status})
			client := newClient(t, configFor(standIn))
			for range 2 {
				_, err := client.FindLearner(t.Context(), "james.chen@acme.com")
				if failure := failureOf(t, err, lms.Throttled, v1alpha1.ReasonThrottled); failure.RetryAfter < 59*time.Second {
					t.Errorf("again after %s", failure.RetryAfter)
				}
			}
			if got := callsTo(standIn, http.MethodPost, pathToken); got != 1 {
				t.Errorf("asked %d times", got)
			}
		})
	}
}

// shortly is the pause after an outage that does not say when it ends, for those who did not meet it themselves.
const shortly = 2 * time.Second

func TestOutages(t *testing.T) {
	tests := map[string]struct {
		fault openedxtest.Fault
		class lms.Class
		wait  time.Duration
	}{
		"Reset":            {openedxtest.Fault{Reset: true}, lms.Transient, 0},
		"Hang":             {openedxtest.Fault{Hang: true}, lms.Transient, 0},
		"502":              {openedxtest.Fault{Status: 502}, lms.Transient, 0},
		"503":              {openedxtest.Fault{Status: 503}, lms.Transient, shortly},
		"503AndSaysWhen":   {openedxtest.Fault{Status: 503, RetryAfter: time.Minute}, lms.Transient, time.Minute},
		"503AndIsNotSane":  {openedxtest.Fault{Status: 503, RetryAfter: 1000 * time.Hour}, lms.Transient, shortly},
		"504":              {openedxtest.Fault{Status: 504}, lms.Transient, 0},
		"MaintenancePage":  {openedxtest.Fault{Status: 200}, lms.Transient, 0},
		"RedirectedToAway": {openedxtest.Fault{Status: 302}, lms.Transient, 0},
	}
	for name, test := range tests {
		for where, paths := range map[string][]string{"Token": {pathToken}, "Calls": {"/api/", "/eox-core/"}} {
			t.Run(name+where, func(t *testing.T) {
				standIn := start(t)
				for _, path := range paths {
					standIn.Fail(openedxtest.Match{Path: path}, test.fault)
				}
				config := eoxCore(configFor(standIn))
				config.Timeout, config.Clock = time.Second/4, clocktesting.NewFakeClock(time.Now())
				client := newClient(t, config)
				for what, call := range everyCall(client) {
					failure := failureOf(t, call(t.Context()), test.class, v1alpha1.ReasonUnreachable)
					// Who meets the shut gate gets a turn after it opens.
					later := failure.RetryAfter - test.wait
					sane := later == 0 || later > 0 && later < 10*time.Second && test.wait > 0 || test.wait == shortly && failure.RetryAfter == 0
					if !failure.PlatformWide || !sane {
						t.Errorf("%s: platform-wide %t, again after %s", what, failure.PlatformWide, failure.RetryAfter)
					}
					mustNotTellOnAnybody(t, failure)
				}
			})
		}
	}
}

const (
	secretUsername = "jchen"
	secretEmail    = "James.Chen@acme.com"
	secretName     = "Wilhelmina"
)

func everyCall(client *openedx.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Probe": func(ctx context.Context) error {
			_, err := client.Probe(ctx)
			return err
		},
		"FindLearner": func(ctx context.Context) error {
			_, err := client.FindLearner(ctx, secretEmail)
			return err
		},
		"CreateLearner": func(ctx context.Context) error {
			_, err := client.CreateLearner(ctx, lms.NewLearner{ContactID: "1", FirstName: secretName, LastName: secretName, Email: secretEmail})
			return err
		},
		"LookUpCourse": func(ctx context.Context) error {
			_, err := client.LookUpCourse(ctx, openCourse)
			return err
		},
		"Enroll": func(ctx context.Context) error {
			_, err := client.Enroll(ctx, lms.EnrollmentRequest{Username: secretUsername, CourseKey: openCourse, Mode: "audit"})
			return err
		},
		"Withdraw": func(ctx context.Context) error {
			return client.Withdraw(ctx, secretUsername, openCourse)
		},
	}
}

// mustNotTellOnAnybody looks through an error and all its causes.
func mustNotTellOnAnybody(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := strings.ToLower(err.Error())
		for _, secret := range []string{secretUsername, secretName, "james", "acme", "rollcall-secret", "%40"} {
			if strings.Contains(text, strings.ToLower(secret)) {
				t.Errorf("%q tells %q", err, secret)
			}
		}
	}
}

func TestErrorsTellNothingAboutPeople(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 406, 409, 418, 429, 500, 503} {
		onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
			standIn.Fail(openedxtest.Match{Path: "/api/"}, openedxtest.Fault{Status: status})
			standIn.Fail(openedxtest.Match{Path: "/eox-core/"}, openedxtest.Fault{Status: status})
			for _, call := range everyCall(client) {
				mustNotTellOnAnybody(t, call(t.Context()))
			}
		})
	}
	// And what the LMS itself says about people stays where it is.
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.AddCourse(openedxtest.CourseSpec{ID: openCourse, Name: "Full", MaxEnrollments: new(int)})
		for _, call := range everyCall(client) {
			mustNotTellOnAnybody(t, call(t.Context()))
		}
	})
}

func TestAServerErrorIsOneLearnersOnly(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEnrollment}, openedxtest.Fault{Status: 500})
		standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEoxEnroll}, openedxtest.Fault{Status: 500})
		_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, Mode: "audit"})
		if failure := failureOf(t, err, lms.Transient, v1alpha1.ReasonServerError); failure.PlatformWide {
			t.Error("others are served")
		}
	})
}

func TestTheEndOfAContext(t *testing.T) {
	standIn := start(t)
	client := newClient(t, configFor(standIn))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.FindLearner(ctx, "james.chen@acme.com")
	if failure := failureOf(t, err, lms.Transient, v1alpha1.ReasonRetrying); failure.PlatformWide || !errors.Is(err, context.Canceled) {
		t.Errorf("the LMS has nothing to do with it: %v", err)
	}
}

func TestStaff(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.SetStaff("rollcall_svc", false)
		_, err := client.Probe(t.Context())
		mustFail(t, err, lms.Fatal, v1alpha1.ReasonNotStaff)
		_, err = client.FindLearner(t.Context(), secretEmail)
		if failure := failureOf(t, err, lms.Fatal, v1alpha1.ReasonNotStaff); !failure.PlatformWide {
			t.Error("that is nobody's failure but the platform's")
		}
	})
	standIn := start(t)
	standIn.SetStaff("rollcall_svc", false)
	for what, call := range everyCall(newClient(t, stock(configFor(standIn)))) {
		if what == "Enroll" || what == "Withdraw" {
			mustFail(t, call(t.Context()), lms.Fatal, v1alpha1.ReasonNotStaff)
		}
	}
}

func TestRoutes(t *testing.T) {
	probe := func(t *testing.T, config openedx.Config, want lms.Capabilities) {
		t.Helper()
		found, err := newClient(t, config).Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want.ServiceUser = "rollcall_svc"
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	auto := func(t *testing.T, standIn *openedxtest.Server, want lms.Capabilities) {
		t.Helper()
		if want.EnrollmentRoute != "EoxCore" {
			want.BulkEnroll = new(true)
		}
		probe(t, configFor(standIn), want)
	}
	t.Run("Auto", func(t *testing.T) {
		auto(t, start(t), lms.Capabilities{EoxCoreVersion: "12.4.0", AccountRoute: "EoxCore", EnrollmentRoute: "EoxCore"})
	})
	t.Run("AutoWithoutEoxCore", func(t *testing.T) {
		standIn := start(t, openedxtest.WithoutEoxCore())
		auto(t, standIn, lms.Capabilities{AccountRoute: "Registration", EnrollmentRoute: "Single"})
		// The routes are found also where nobody probed.
		if err := newClient(t, configFor(standIn)).Withdraw(t.Context(), "mlopez", openCourse); err != nil {
			t.Fatal(err)
		}
		if got, _ := standIn.Enrollment("mlopez", openCourse); got.Active {
			t.Error("still enrolled")
		}
	})
	t.Run("AutoInBulk", func(t *testing.T) {
		config := configFor(start(t, openedxtest.WithoutEoxCore()))
		config.EnrollPastCapacity = true
		probe(t, config, lms.Capabilities{BulkEnroll: new(true), AccountRoute: "Registration", EnrollmentRoute: "Bulk"})
	})
	for _, status := range []int{0, http.StatusOK, http.StatusFound, http.StatusNotFound} {
		t.Run(fmt.Sprintf("AutoWithoutBulkAndAProxyThatAnswers%d", status), func(t *testing.T) {
			standIn := start(t, openedxtest.WithoutEoxCore(), openedxtest.WithoutBulkEnroll())
			if status > 0 {
				standIn.Fail(openedxtest.Match{Path: pathBulk}, openedxtest.Fault{Status: status})
			}
			config := configFor(standIn)
			config.EnrollPastCapacity = true
			probe(t, config, lms.Capabilities{BulkEnroll: new(false), AccountRoute: "Registration", EnrollmentRoute: "Single"})
			_, err := newClient(t, bulk(config)).Probe(t.Context())
			mustFail(t, err, lms.Fatal, v1alpha1.ReasonRouteUnavailable)
		})
	}
	t.Run("AutoWithEoxCoreThatRefuses", func(t *testing.T) {
		standIn := start(t)
		standIn.Fail(openedxtest.Match{Path: "/eox-core/api/"}, openedxtest.Fault{Status: http.StatusUnauthorized})
		auto(t, standIn, lms.Capabilities{EoxCoreVersion: "12.4.0", AccountRoute: "Registration", EnrollmentRoute: "Single"})
	})
	for _, status := range []int{http.StatusOK, http.StatusFound, http.StatusForbidden} {
		t.Run(fmt.Sprintf("AutoWithoutEoxCoreAndAProxyThatAnswers%d", status), func(t *testing.T) {
			standIn := start(t, openedxtest.WithoutEoxCore())
			standIn.Fail(openedxtest.Match{Path: "/eox-core/"}, openedxtest.Fault{Status: status})
			auto(t, standIn, lms.Capabilities{AccountRoute: "Registration", EnrollmentRoute: "Single"})
		})
	}
	t.Run("StockDoesNotLookForEoxCore", func(t *testing.T) {
		standIn := start(t)
		standIn.Fail(openedxtest.Match{Path: "/eox-core/"}, openedxtest.Fault{Status: http.StatusBadGateway})
		if _, err := newClient(t, stock(configFor(standIn))).Probe(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("EoxCoreThatDoesNotKnowItsCommit", func(t *testing.T) {
		standIn := start(t)
		standIn.Fail(openedxtest.Match{Path: "/eox-core/eox-info"}, openedxtest.Fault{Status: http.StatusInternalServerError})
		auto(t, standIn, lms.Capabilities{EoxCoreVersion: "unknown", AccountRoute: "EoxCore", EnrollmentRoute: "EoxCore"})
	})
	t.Run("AskedForAndAbsent", func(t *testing.T) {
		standIn := start(t, openedxtest.WithoutEoxCore())
		client := newClient(t, eoxCore(configFor(standIn)))
		for what, call := range everyCall(client) {
			if what == "FindLearner" || what == "LookUpCourse" {
				continue
			}
			if failure := failureOf(t, call(t.Context()), lms.Fatal, v1alpha1.ReasonRouteUnavailable); !failure.PlatformWide {
				t.Errorf("%s: that is nobody's failure but the platform's", what)
			}
		}
	})
}

func TestAccountsThatAreNotFreeToUse(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, _ *openedxtest.Server, client *openedx.Client) {
		for email, want := range map[string]*lms.Error{
			"p.gone@acme.com":    {Class: lms.Fatal, Reason: v1alpha1.ReasonAccountRetired},
			"signe@home.example": {Class: lms.Conflict, Reason: v1alpha1.ReasonEmailInUse}, // with which another person recovers
		} {
			if found, err := client.FindLearner(t.Context(), email); found != nil || err != nil {
				t.Errorf("found %v, %v", found, err)
			}
			learner := newLearner()
			learner.Email = email
			_, err := client.CreateLearner(t.Context(), learner)
			mustFail(t, err, want.Class, want.Reason)
		}
	})
}

func TestUsernamesThatAreTaken(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		learner := lms.NewLearner{ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com"}
		for _, username := range []string{"Joe_Smith", "joe_smith_000123", "joe_smith_4403e0e0"} {
			standIn.AddUser(openedxtest.UserSpec{Username: username, Email: username + "@example.com", Active: true})
		}
		_, err := client.CreateLearner(t.Context(), learner)
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonUsernameUnavailable)
		standIn.RenameUser("joe_smith_4403e0e0", "joseph")
		if created, err := client.CreateLearner(t.Context(), learner); err != nil || created.Username != "joe_smith_4403e0e0" {
			t.Errorf("created %+v, %v", created, err)
		}
	})
}

func TestAccountsThatTheLMSRefuses(t *testing.T) {
	standIn := start(t)
	client := newClient(t, stock(configFor(standIn)))
	learner := newLearner()
	learner.LastName = "<b>"
	_, err := client.CreateLearner(t.Context(), learner)
	if failure := failureOf(t, err, lms.Conflict, v1alpha1.ReasonAccountRefused); failure.Message != "The LMS refuses the account because of the field name." {
		t.Errorf("it says %q", failure.Message)
	}
}

func TestInactiveAccounts(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.Settings.SkipEmailValidation = false
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	if created := mustCreate(t, newClient(t, stock(configFor(standIn)))); created.Active || created.ID == 0 {
		t.Errorf("a registration gave %+v", created)
	}
	if created := mustCreate(t, newClient(t, eoxCore(configFor(standIn)))); !created.Active || created.ID == 0 {
		t.Errorf("eox-core gave %+v", created)
	}
	// An account that is made is made, also when the LMS does not say more about it.
	standIn.Fail(openedxtest.Match{Path: pathAccounts}, openedxtest.Fault{Status: http.StatusBadGateway})
	if created := mustCreate(t, newClient(t, stock(configFor(standIn)))); created.Username == "" || created.Active {
		t.Errorf("a registration gave %+v", created)
	}
}

func TestClosedCourses(t *testing.T) {
	yesterday := -1
	courses := map[string]openedxtest.CourseSpec{
		"Closed": {ID: openCourse, Name: "Closed", EnrollmentEndDays: &yesterday, Modes: openedxtest.DemoCourses[0].Modes},
		"Full":   {ID: openCourse, Name: "Full", MaxEnrollments: new(int), Modes: openedxtest.DemoCourses[0].Modes},
	}
	for name, course := range courses {
		t.Run(name, func(t *testing.T) {
			onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
				standIn.AddCourse(course)
				_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, Mode: "audit"})
				if failure := failureOf(t, err, lms.Conflict, v1alpha1.ReasonEnrollmentClosed); failure.PlatformWide {
					t.Error("that is this course only")
				}
				if _, there := standIn.Enrollment("jchen", openCourse); there {
					t.Error("enrolled all the same")
				}
				// Who is in stays in, and may come back.
				for _, mode := range []string{"", "audit"} {
					wish := lms.EnrollmentRequest{Username: "mlopez", CourseKey: openCourse, Mode: mode, OfferedModes: []string{"audit"}}
					if got := mustEnroll(t, client, wish); !got.Active || got.Mode != "audit" {
						t.Errorf("enrolled as %+v", got)
					}
				}
				if err := client.Withdraw(t.Context(), "mlopez", openCourse); err != nil {
					t.Fatal(err)
				}
				if err := client.Withdraw(t.Context(), "mlopez", openCourse); err != nil {
					t.Fatal(err)
				}
				if got := mustEnroll(t, client, lms.EnrollmentRequest{Username: "mlopez", CourseKey: openCourse, Mode: "audit"}); !got.Active {
					t.Errorf("came back as %+v", got)
				}
			})
		})
	}
}

func TestAModeThatNobodyAskedForIsLeftAlone(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.Enroll("jchen", openCourse, "verified")
		wish := lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, OfferedModes: []string{"audit"}}
		if got := mustEnroll(t, client, wish); got.Mode != "verified" {
			t.Errorf("a learner who upgraded was set back to %s", got.Mode)
		}
	})
}

func TestTheDefaultModeIsTheLMSs(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.Settings.DefaultCourseMode = "verified"
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	wish := lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, OfferedModes: []string{"audit", "verified"}}
	if got := mustEnroll(t, newClient(t, eoxCore(configFor(standIn))), wish); got.Mode != "verified" {
		t.Errorf("enrolled as %+v", got)
	}
}

func TestWhatIsInStepIsNotWritten(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, standIn *openedxtest.Server, client *openedx.Client) {
		standIn.Enroll("jchen", openCourse, "audit")
		standIn.Unenroll("jchen", openCourse)
		for _, username := range []string{"jchen", "sberg"} { // inactive, and never enrolled
			if err := client.Withdraw(t.Context(), username, openCourse); err != nil {
				t.Fatal(err)
			}
		}
		if got := standIn.Writes(); got != 0 {
			t.Errorf("%d writes", got)
		}
	})
}

func TestModesThatAreNotOfferedAnyMore(t *testing.T) {
	onBothRoutes(t, func(t *testing.T, _ *openedxtest.Server, client *openedx.Client) {
		wish := lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse, OfferedModes: []string{"honor"}}
		if got := mustEnroll(t, client, wish); got.Mode != "audit" {
			t.Errorf("enrolled as %+v", got)
		}
	})
}

func TestForceMakesNothing(t *testing.T) {
	standIn := start(t)
	client := newClient(t, eoxCore(configFor(standIn)))
	const ghost = "course-v1:GK+GHOST+2017"
	for _, mode := range []string{"", "audit"} {
		_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: ghost, Mode: mode, OfferedModes: []string{"audit"}})
		mustFail(t, err, lms.Conflict, v1alpha1.ReasonCourseNotFound)
	}
	if _, there := standIn.Enrollment("jchen", ghost); there {
		t.Error("enrolled in a course that does not exist")
	}
}

// eox-core does not see what was made elsewhere, and by its defaults not even what it made itself.
func TestAccountsThatEoxCoreDoesNotSee(t *testing.T) {
	standIn := start(t)
	client := newClient(t, eoxCore(configFor(standIn)))
	for _, learner := range []lms.Learner{
		mustCreate(t, newClient(t, stock(configFor(standIn)))),
		mustCreate(t, client),
	} {
		wish := lms.EnrollmentRequest{Username: learner.Username, CourseKey: openCourse, Mode: "verified"}
		for range 2 {
			if got := mustEnroll(t, client, wish); got != (lms.Enrollment{Mode: "verified", Active: true}) {
				t.Errorf("enrolled as %+v", got)
			}
		}
		if err := client.Withdraw(t.Context(), learner.Username, openCourse); err != nil {
			t.Fatal(err)
		}
		if got, _ := standIn.Enrollment(learner.Username, openCourse); got.Active {
			t.Error("still enrolled")
		}
	}
	if asked := callsTo(standIn, http.MethodPost, pathEoxEnroll); asked != 2 {
		t.Errorf("eox-core was asked %d times for 2 accounts that it does not see, want once for each", asked)
	}
}

// recorder keeps the headers of what is sent.
type recorder struct {
	mu   sync.Mutex
	sent []*http.Request
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.sent = append(r.sent, request)
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(request)
}

func TestHeaders(t *testing.T) {
	standIn := start(t)
	config := stock(configFor(standIn))
	recorder := &recorder{}
	config.Transport = recorder
	client := newClient(t, config)
	for range 2 {
		mustCreate(t, client)
	}
	if len(recorder.sent) < 5 {
		t.Fatalf("%d requests", len(recorder.sent))
	}
	for _, request := range recorder.sent {
		path := request.URL.Path
		anonymous := path == pathRegistration || path == pathToken
		if got := request.Header.Get("Authorization"); anonymous != (got == "") || !anonymous && !strings.HasPrefix(got, "JWT ") {
			t.Errorf("%s is authorized by %.10q", path, got)
		}
		// Registration logs the new learner in.
		if got := request.Header.Get("Cookie"); got != "" {
			t.Errorf("%s is sent with a cookie", path)
		}
		if got := request.Header.Get("User-Agent"); !strings.HasPrefix(got, "rollcall/") {
			t.Errorf("%s is sent by %q", path, got)
		}
		if path == pathToken && strings.Contains(request.URL.RawQuery, "secret") {
			t.Error("the secret is in the URL")
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("went there") }))
	defer elsewhere.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusMovedPermanently))
	defer redirecting.Close()
	_, err := newClient(t, openedx.Config{URL: redirecting.URL, ClientID: "a", ClientSecret: "b"}).Probe(t.Context())
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnreachable)
}

func TestAnswersThatAreNotWhatTheyShouldBe(t *testing.T) {
	const token = `{"access_token": "t", "expires_in": 3600, "token_type": "JWT"}`
	for name, body := range map[string]string{
		"Shape":   `{"course_modes": 5}`,
		"TooLong": `{"course_name": "` + strings.Repeat("x", 2<<20) + `"}`,
		"Half":    `{"course_name": "Netw`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == pathToken {
					_, _ = w.Write([]byte(token))
					return
				}
				_, _ = w.Write([]byte(body))
			}))
			defer server.Close()
			_, err := newClient(t, openedx.Config{URL: server.URL, ClientID: "a", ClientSecret: "b"}).LookUpCourse(t.Context(), openCourse)
			mustFail(t, err, lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
		})
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	good := openedx.Config{URL: "https://learn.example.com/", ClientID: "a", ClientSecret: "b"}
	if _, err := openedx.New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*openedx.Config){
		"no URL":           func(c *openedx.Config) { c.URL = "" },
		"no scheme":        func(c *openedx.Config) { c.URL = "learn.example.com" },
		"another scheme":   func(c *openedx.Config) { c.URL = "ftp://learn.example.com" },
		"a path":           func(c *openedx.Config) { c.URL += "dashboard" },
		"a query":          func(c *openedx.Config) { c.URL += "?x=y" },
		"no URL at all":    func(c *openedx.Config) { c.URL = "http://[" },
		"no client id":     func(c *openedx.Config) { c.ClientID = "" },
		"no client secret": func(c *openedx.Config) { c.ClientSecret = "" },
		"account route":    func(c *openedx.Config) { c.AccountRoute = "Single" },
		"enrollment route": func(c *openedx.Config) { c.EnrollmentRoute = "Registration" },
		"bulk in capacity": func(c *openedx.Config) { c.EnrollmentRoute = v1alpha1.EnrollmentRouteBulk },
	} {
		config := good
		spoil(&config)
		if _, err := openedx.New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
