package openedx_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	pathBulk = "/api/bulk_enroll/v1/bulk_enroll"
	pathList = "/api/enrollment/v1/enrollments"
)

// plainCourse has the mode audit only, other than openCourse.
var plainCourse = openedxtest.DemoCourses[1].ID

func bulk(config openedx.Config) openedx.Config {
	config.AccountRoute, config.EnrollmentRoute = v1alpha1.AccountRouteRegistration, v1alpha1.EnrollmentRouteBulk
	config.EnrollPastCapacity = true
	return config
}

// probed is a client that has its token, so that calls that are made at once can meet.
func probed(t *testing.T, standIn *openedxtest.Server, config openedx.Config) *openedx.Client {
	t.Helper()
	client := newClient(t, config)
	if _, err := client.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	standIn.ResetCalls()
	return client
}

func poolUser(i int) string { return fmt.Sprintf("l%03d", i+1) }

func mustHaveMode(t *testing.T, standIn *openedxtest.Server, username, courseKey, mode string) {
	t.Helper()
	if got, _ := standIn.Enrollment(username, courseKey); !got.Active || got.Mode != mode {
		t.Errorf("%s is enrolled as %+v, not in mode %s", username, got, mode)
	}
}

func TestBulkEnrollmentTakesFewCalls(t *testing.T) {
	for course, modes := range map[string]int{plainCourse: 1, openCourse: 2} {
		t.Run(fmt.Sprintf("%dModes", modes), func(t *testing.T) {
			standIn := withPool(t, 120)
			client := probed(t, standIn, bulk(configFor(standIn)))
			atOnce(120, func(i int) {
				got, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: poolUser(i), CourseKey: course})
				if want := (lms.Enrollment{Mode: "audit", Active: true}); err != nil || got != want {
					t.Errorf("enrolled as %+v, %v", got, err)
				}
			})
			for i := range 120 {
				mustHaveMode(t, standIn, poolUser(i), course, "audit")
			}
			// In a course with more than one mode it is read before and after who has which.
			batches := callsTo(standIn, http.MethodPost, pathBulk)
			if batches < 3 || batches > 5 || callsTo(standIn, http.MethodGet, pathList) != (modes-1)*2*batches {
				t.Errorf("%d batches, %d lists", batches, callsTo(standIn, http.MethodGet, pathList))
			}
			if singly := callsTo(standIn, http.MethodPost, pathEnrollment); singly > 0 {
				t.Errorf("%d went singly", singly)
			}
		})
	}
}

// Bulk unenrollment deletes them.
func TestAWithdrawalLeavesThePreEnrollmentsOfOthers(t *testing.T) {
	standIn := start(t)
	client := newClient(t, bulk(configFor(standIn)))
	jchen, _ := standIn.Account("jchen")
	standIn.Enroll("jchen", openCourse, "audit")
	standIn.PreEnroll(jchen.Email, openCourse)
	if err := client.Withdraw(t.Context(), "jchen", openCourse); err != nil {
		t.Fatal(err)
	}
	if got, _ := standIn.Enrollment("jchen", openCourse); got.Active {
		t.Error("still enrolled")
	}
	if got := standIn.PreEnrollments(jchen.Email); !slices.Equal(got, []string{openCourse}) {
		t.Errorf("pre-enrolled in %q", got)
	}
}

// What the LMS cannot digest makes it fail on all that it was asked for together.
func TestOneWhoMakesTheLMSFailFailsAlone(t *testing.T) {
	const bad = 3
	for what, match := range map[string]openedxtest.Match{
		"bulk enrollment": {Path: pathBulk, Body: poolUser(bad)}, "the list": {Path: pathList, Query: poolUser(bad)},
		"the look-up": {Path: pathAccounts, Query: poolUser(bad)},
	} {
		t.Run(what, func(t *testing.T) {
			standIn := withPool(t, 10)
			client := probed(t, standIn, bulk(configFor(standIn)))
			standIn.Fail(match, openedxtest.Fault{Status: http.StatusInternalServerError})
			standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathEnrollment, Body: poolUser(bad)}, openedxtest.Fault{Status: http.StatusInternalServerError})
			atOnce(10, func(i int) {
				_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: poolUser(i), CourseKey: openCourse})
				if i != bad && err != nil || i == bad && lms.AsError(err).Reason != v1alpha1.ReasonServerError {
					t.Errorf("%s: %v", poolUser(i), err)
				}
			})
		})
	}
}

// Each attempt used to begin with bulk enrollment, which left no turn for the single call.
func TestWhatBulkEnrollmentLeavesIsDoneWithinASmallBudget(t *testing.T) {
	both := []openedxtest.ModeSpec{{Slug: "audit"}, {Slug: "verified"}}
	for name, test := range map[string]struct {
		username, mode string
		modes          []openedxtest.ModeSpec
		left           bool // after bulk enrollment was asked
		reason         string
	}{
		"another mode":        {username: "jchen", mode: "verified", modes: both},
		"an inactive account": {username: "tokafor", modes: both, left: true},
		"comes back":          {username: "sberg", modes: both, left: true},
		"verified only":       {username: "jchen", modes: both[1:], reason: v1alpha1.ReasonModeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			const special = "course-v1:GK+SPECIAL+2017"
			leaping := newLeapingClock()
			standIn := start(t, openedxtest.WithClock(leaping))
			standIn.AddCourse(openedxtest.CourseSpec{ID: special, Name: "Special", Modes: test.modes})
			standIn.Enroll("sberg", special, "verified")
			standIn.Unenroll("sberg", special)
			config := bulk(configFor(standIn))
			config.CallsPerMinute, config.Clock = 20, leaping
			client := newClient(t, config)
			wish := lms.EnrollmentRequest{Username: test.username, CourseKey: special, Mode: test.mode}
			var err error
			for range 3 { // one turn each for the batch and for the single call
				if _, err = client.Enroll(t.Context(), wish); err == nil || lms.AsError(err).Class != lms.Throttled {
					break
				}
				leaping.Step(lms.AsError(err).RetryAfter)
			}
			if test.reason != "" {
				mustFail(t, err, lms.Conflict, test.reason)
			} else if err != nil {
				t.Fatal(err)
			}
			if got := callsTo(standIn, http.MethodPost, pathBulk) + callsTo(standIn, http.MethodGet, pathList); got > 1 || got > 0 && !test.left {
				t.Errorf("%d calls for many", got)
			}
		})
	}
}

func TestOneBadItemOfABatchFailsAlone(t *testing.T) {
	standIn := withPool(t, 10)
	client := probed(t, standIn, bulk(configFor(standIn)))
	atOnce(11, func(i int) { // the last one is nobody
		_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: poolUser(i), CourseKey: plainCourse})
		if i < 10 && err != nil || i == 10 && lms.AsError(err).Reason != v1alpha1.ReasonLearnerNotFound {
			t.Errorf("%s: %v", poolUser(i), err)
		}
	})
}

// What bulk enrollment would do where the single route does something else.
func TestTheRouteDoesNotChangeWhatALearnerGets(t *testing.T) {
	const special = "course-v1:GK+SPECIAL+2017"
	both := []openedxtest.ModeSpec{{Slug: "audit"}, {Slug: "verified"}}
	expired := []openedxtest.ModeSpec{{Slug: "audit"}, {Slug: "verified", ExpirationDays: new(-1)}}
	tests := map[string]struct {
		course openedxtest.CourseSpec
		before func(*openedxtest.Server)
		wish   lms.EnrollmentRequest
		mode   string // or
		reason string
		// inBulk is whether bulk enrollment may be asked.
		inBulk bool
	}{
		"closed":            {course: openedxtest.CourseSpec{EnrollmentEndDays: new(-1)}, reason: v1alpha1.ReasonEnrollmentClosed},
		"not yet open":      {course: openedxtest.CourseSpec{EnrollmentStartDays: new(1)}, reason: v1alpha1.ReasonEnrollmentClosed},
		"does not exist":    {wish: lms.EnrollmentRequest{CourseKey: "course-v1:GK+GHOST+2017"}, reason: v1alpha1.ReasonCourseNotFound},
		"no course key":     {wish: lms.EnrollmentRequest{CourseKey: "nonsense"}, reason: v1alpha1.ReasonCourseNotFound},
		"professional only": {course: openedxtest.CourseSpec{Modes: []openedxtest.ModeSpec{{Slug: "professional"}}}, reason: v1alpha1.ReasonModeUnavailable},
		"by invitation":     {course: openedxtest.CourseSpec{InvitationOnly: true}, mode: "audit", inBulk: true},
		"mode not offered":  {wish: lms.EnrollmentRequest{Mode: "honor"}, reason: v1alpha1.ReasonModeUnavailable},
		"another mode":      {course: openedxtest.CourseSpec{Modes: both}, wish: lms.EnrollmentRequest{Mode: "verified"}, mode: "verified"},
		"a username with a dot": {
			before: func(s *openedxtest.Server) {
				s.AddUser(openedxtest.UserSpec{Username: "j.doe", Email: "doe@acme.com", Active: true})
			},
			wish: lms.EnrollmentRequest{Username: "j.doe"}, mode: "audit",
		},
		"known to be inactive": {wish: lms.EnrollmentRequest{Username: "tokafor", Inactive: true}, mode: "audit"},
		"found to be inactive": {wish: lms.EnrollmentRequest{Username: "tokafor"}, mode: "audit"},
		"comes back": {
			course: openedxtest.CourseSpec{Modes: both},
			before: func(s *openedxtest.Server) { s.Enroll("jchen", special, "verified"); s.Unenroll("jchen", special) }, mode: "verified",
		},
		"comes back after the mode has expired": {
			course: openedxtest.CourseSpec{Modes: expired},
			before: func(s *openedxtest.Server) { s.Enroll("jchen", special, "verified"); s.Unenroll("jchen", special) }, mode: "verified",
		},
		"has upgraded": {
			course: openedxtest.CourseSpec{Modes: both},
			before: func(s *openedxtest.Server) { s.Enroll("jchen", special, "verified") }, mode: "verified",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, route := range []func(openedx.Config) openedx.Config{bulk, stock} {
				standIn := start(t)
				test.course.ID, test.course.Name = special, "Special"
				standIn.AddCourse(test.course)
				if test.before != nil {
					test.before(standIn)
				}
				wish := test.wish
				if wish.Username == "" {
					wish.Username = "jchen"
				}
				if wish.CourseKey == "" {
					wish.CourseKey = special
				}
				got, err := newClient(t, route(configFor(standIn))).Enroll(t.Context(), wish)
				if test.reason != "" {
					mustFail(t, err, lms.Conflict, test.reason)
					if _, there := standIn.Enrollment(wish.Username, wish.CourseKey); there {
						t.Error("enrolled all the same")
					}
				} else {
					if want := (lms.Enrollment{Mode: test.mode, Active: true}); err != nil || got != want {
						t.Errorf("enrolled as %+v, %v", got, err)
					}
					mustHaveMode(t, standIn, wish.Username, special, test.mode)
				}
				if got := standIn.PreEnrollments("t.okafor@acme.com"); len(got) > 0 {
					t.Errorf("who is inactive was pre-enrolled in %q", got)
				}
				if asked := callsTo(standIn, http.MethodPost, pathBulk); asked > 0 && !test.inBulk {
					t.Errorf("bulk enrollment was asked %d times", asked)
				}
			}
		})
	}
}

func TestNearTheEdgeOfItsWindowTheLMSDecides(t *testing.T) {
	const closing = "course-v1:GK+CLOSING+2017"
	clock := clocktesting.NewFakeClock(time.Now())
	standIn := start(t, openedxtest.WithClock(clock))
	standIn.AddCourse(openedxtest.CourseSpec{ID: closing, Name: "Closing", EnrollmentEndDays: new(1)})
	config := bulk(configFor(standIn))
	config.Clock = clock
	for _, step := range []struct {
		username string
		later    time.Duration
		inBulk   int
	}{{"jchen", 24*time.Hour - 2*time.Minute, 1}, {"sberg", 90 * time.Second, 0}} {
		clock.Step(step.later)
		client := probed(t, standIn, config)
		mustEnroll(t, client, lms.EnrollmentRequest{Username: step.username, CourseKey: closing})
		if got := callsTo(standIn, http.MethodPost, pathBulk); got != step.inBulk {
			t.Errorf("bulk enrollment was asked %d times for %s", got, step.username)
		}
	}
	clock.Step(time.Minute)
	_, err := newClient(t, config).Enroll(t.Context(), lms.EnrollmentRequest{Username: "mlopez", CourseKey: closing})
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonEnrollmentClosed)
}

func TestTheModeThatCameOutIsTold(t *testing.T) {
	world := openedxtest.DemoWorld()
	world.Settings.DefaultCourseMode = "verified"
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	if got := mustEnroll(t, newClient(t, bulk(configFor(standIn))), lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse}); got.Mode != "verified" {
		t.Errorf("enrolled as %+v", got)
	}
}

func TestALostAnswerOfABatchIsMadeUpFor(t *testing.T) {
	standIn := withPool(t, 10)
	client := probed(t, standIn, bulk(configFor(standIn)))
	lost := openedxtest.Fault{Lost: true, Times: 1}
	wish := lms.EnrollmentRequest{Username: poolUser(0), CourseKey: openCourse}

	standIn.Fail(openedxtest.Match{Method: http.MethodPost, Path: pathBulk}, lost)
	_, err := client.Enroll(t.Context(), wish)
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnreachable)
	standIn.ResetCalls()
	mustEnroll(t, client, wish)
	if got := standIn.Writes(); got > 0 {
		t.Errorf("%d writes for who was enrolled", got)
	}
}

// A batch waits for one turn and makes as many calls as it needs, all of which the LMS counts.
func TestBulkEnrollmentIsNeverRefusedForItsOwnSpeed(t *testing.T) {
	const throttle, learners, callsEach = 120, 100, 3
	leaping := newLeapingClock()
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = learners
	standIn := openedxtest.Start(t, world, openedxtest.WithThrottle(throttle), openedxtest.WithClock(leaping))
	config := bulk(configFor(standIn))
	config.CallsPerMinute, config.Clock = throttle, leaping
	client := newClient(t, config)
	begin := leaping.Now()
	for i := range learners {
		wish := lms.EnrollmentRequest{Username: poolUser(i), CourseKey: openCourse}
		for _, err := client.Enroll(t.Context(), wish); err != nil; _, err = client.Enroll(t.Context(), wish) {
			leaping.Step(failureOf(t, err, lms.Throttled, v1alpha1.ReasonThrottled).RetryAfter)
		}
	}
	for _, call := range standIn.Calls() {
		if call.Status == http.StatusTooManyRequests {
			t.Fatal("the LMS had to refuse a call")
		}
	}
	if took := leaping.Since(begin); took < learners*callsEach*time.Minute/throttle*9/10 {
		t.Errorf("it took only %s", took)
	}
}

func TestABulkAPIThatIsGoneIsThePlatforms(t *testing.T) {
	standIn := start(t, openedxtest.WithoutEoxCore())
	config := configFor(standIn)
	config.EnrollPastCapacity = true
	client := probed(t, standIn, config)
	standIn.Fail(openedxtest.Match{Path: pathBulk}, openedxtest.Fault{Status: http.StatusNotFound})
	_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: plainCourse})
	if failure := failureOf(t, err, lms.Fatal, v1alpha1.ReasonRouteUnavailable); !failure.PlatformWide {
		t.Error("that is nobody's failure but the platform's")
	}
	found, err := client.Probe(t.Context())
	if err != nil || found.EnrollmentRoute != string(v1alpha1.EnrollmentRouteSingle) || *found.BulkEnroll {
		t.Errorf("found %+v, %v", found, err)
	}
	mustEnroll(t, client, lms.EnrollmentRequest{Username: "jchen", CourseKey: plainCourse})
}
