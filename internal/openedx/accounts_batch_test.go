package openedx_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// atOnce makes n calls together.
func atOnce(n int, call func(i int)) {
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { call(i) })
	}
	calls.Wait()
}

// withPool is a stand-in with accounts l001, l002 and so on, and without the demo's learners.
func withPool(t *testing.T, count int, options ...openedxtest.Option) *openedxtest.Server {
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = count
	return openedxtest.Start(t, world, append(options, openedxtest.WithThrottle(0))...)
}

func TestLearnersWhoAreLookedForTogetherAreFoundInFewCalls(t *testing.T) {
	standIn := withPool(t, 80)
	client := newClient(t, stock(configFor(standIn)))
	// A token first, as who waits for one does not meet.
	if _, err := client.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	standIn.ResetCalls()
	atOnce(100, func(i int) { // the last 20 are nobody
		username := fmt.Sprintf("l%03d", i+1)
		found, err := client.FindLearner(t.Context(), username+"@EXAMPLE.com")
		if err != nil || (found != nil) != (i < 80) || found != nil && (found.Username != username || !found.Active || found.Name == "") {
			t.Errorf("found %+v, %v for %s", found, err, username)
		}
	})
	searches, lookUps := callsTo(standIn, http.MethodPost, pathSearch), callsTo(standIn, http.MethodGet, pathAccounts)
	if searches < 2 || searches > 4 || lookUps < 2 || lookUps > 4 { // 2 and 2, if the machine lets all begin together
		t.Errorf("%d searches and %d look-ups", searches, lookUps)
	}
}

func TestALostAnswerIsAFailureOfAllWhoWaitForIt(t *testing.T) {
	standIn := withPool(t, 10)
	standIn.Fail(openedxtest.Match{Path: pathSearch}, openedxtest.Fault{Lost: true, Times: 1})
	client := newClient(t, stock(configFor(standIn)))
	if _, err := client.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	find := func(i int) error {
		found, err := client.FindLearner(t.Context(), fmt.Sprintf("l%03d@example.com", i+1))
		if err == nil && found == nil {
			t.Errorf("l%03d is not found", i+1)
		}
		return err
	}
	var failures atomic.Int32
	atOnce(10, func(i int) {
		if err := find(i); err != nil {
			failures.Add(1)
			if failure := lms.AsError(err); failure.Class != lms.Transient || failure.Reason != v1alpha1.ReasonUnreachable {
				t.Errorf("failed with %v", err)
			}
		}
	})
	if failures.Load() == 0 {
		t.Error("nobody noticed that an answer was lost")
	}
	atOnce(10, func(i int) {
		if err := find(i); err != nil {
			t.Errorf("failed again with %v", err)
		}
	})
}

func TestOneWhoCannotBeLookedUpFailsAlone(t *testing.T) {
	const bad = 3
	standIn := withPool(t, 10)
	client := newClient(t, stock(configFor(standIn)))
	if _, err := client.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, match := range []openedxtest.Match{{Path: pathSearch, Body: poolUser(bad)}, {Path: pathAccounts, Query: poolUser(bad)}} {
		standIn.Fail(match, openedxtest.Fault{Status: http.StatusInternalServerError})
		atOnce(10, func(i int) {
			_, err := client.FindLearner(t.Context(), poolUser(i)+"@example.com")
			if i != bad && err != nil || i == bad && lms.AsError(err).Reason != v1alpha1.ReasonServerError {
				t.Errorf("%s: %v", poolUser(i), err)
			}
		})
		standIn.ClearFaults()
	}
}

// Thousands who wait for their turn to get an account would otherwise search once for every time that they come for it.
func TestWhoComesBackForATurnIsLookedForOnce(t *testing.T) {
	standIn := start(t)
	clock := clocktesting.NewFakeClock(time.Now())
	config := stock(configFor(standIn))
	config.Clock = clock
	client := newClient(t, config)
	learner := newLearner()
	find := func(searches int) *lms.Learner {
		t.Helper()
		found, err := client.FindLearner(t.Context(), learner.Email)
		if err != nil {
			t.Fatal(err)
		}
		if got := callsTo(standIn, http.MethodPost, pathSearch); got != searches {
			t.Errorf("searched %d times, want %d", got, searches)
		}
		return found
	}
	find(1)
	standIn.Fail(openedxtest.Match{Path: pathRegistration}, openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Minute, Times: 1})
	_, err := client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
	clock.Step(time.Minute)
	find(1)
	if _, err := client.CreateLearner(t.Context(), learner); err != nil {
		t.Fatal(err)
	}
	if find(2) == nil {
		t.Error("an account that is there is not found")
	}

	_, err = client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonEmailInUse)
	if find(3) == nil {
		t.Error("an account that is there is not found")
	}
	// What was seen long ago says nothing.
	standIn.Fail(openedxtest.Match{Path: pathRegistration}, openedxtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Hour, Times: 1})
	_, err = client.CreateLearner(t.Context(), learner)
	mustFail(t, err, lms.Throttled, v1alpha1.ReasonThrottled)
	clock.Step(time.Hour)
	if find(4) == nil {
		t.Error("an account that is there is not found after an hour")
	}
}
