package openedx_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

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
