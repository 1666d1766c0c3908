package openedx

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// refuse shuts the gate as a throttle of the LMS does, and gives for how long.
func refuse(g *gate, said time.Duration, now time.Time) time.Duration {
	refusal := &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonThrottled, PlatformWide: true, RetryAfter: said}
	g.shut(refusal, now)
	return refusal.RetryAfter
}

// mustBeShut asserts for how long the gate is shut; 0 is open.
func mustBeShut(t *testing.T, g *gate, now time.Time, want time.Duration) {
	t.Helper()
	var left time.Duration
	if refusal := g.refused(t.Context(), now); refusal != nil {
		left = refusal.RetryAfter
	}
	if left != want {
		t.Fatalf("shut for %s, want %s", left, want)
	}
}

func TestGateHonoursRetryAfter(t *testing.T) {
	g := &gate{first: firstBackoff}
	if got := refuse(g, 58*time.Second, noon); got != 58*time.Second {
		t.Errorf("shut for %s", got)
	}
	mustBeShut(t, g, noon, 58*time.Second)
	// A call that was under way with it was refused a moment later: the longer one holds.
	later := noon.Add(time.Second)
	refuse(g, 5*time.Second, later)
	mustBeShut(t, g, later, 57*time.Second)
	if g.refused(asProbe(t.Context()), later) == nil {
		t.Error("a throttle holds for a probe too")
	}
	// A call that was sent before is answered now; the throttle holds all the same.
	g.served(asProbe(t.Context()), later)
	mustBeShut(t, g, later, 57*time.Second)
	mustBeShut(t, g, noon.Add(58*time.Second), 0)
}

func TestAShutGateSaysAgainWhy(t *testing.T) {
	g := &gate{first: firstBackoff}
	g.shut(&lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonRegistrationClosed, Message: "Closed.", PlatformWide: true, RetryAfter: time.Hour}, noon)
	again := g.refused(t.Context(), noon.Add(time.Minute))
	if again == nil || again.RetryAfter != 59*time.Minute || again.Reason != v1alpha1.ReasonRegistrationClosed || again.Message != "Closed." || !again.PlatformWide {
		t.Errorf("it says %v", again)
	}
}

func TestGateBacksOffByItself(t *testing.T) {
	g, now := &gate{first: firstBackoff}, noon
	for _, seconds := range []int{10, 20, 40, 80, 160, 300, 300} {
		want := time.Duration(seconds) * time.Second
		// Refusals of calls that were under way together count once.
		for range 2 {
			if got := refuse(g, 0, now); got != want {
				t.Fatalf("shut for %s, want %s", got, want)
			}
		}
		now = now.Add(want)
	}
	mustBeShut(t, g, now, 0)
	g.served(t.Context(), now)
	if got := refuse(g, 0, now); got != 10*time.Second {
		t.Errorf("after a success it shuts for %s", got)
	}
}

func TestAnOutageShutsTheGateUntilAProbeIsServed(t *testing.T) {
	outage := func(said time.Duration) *lms.Error {
		return &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonUnreachable, PlatformWide: true, RetryAfter: said}
	}
	for name, test := range map[string]struct {
		said, want time.Duration
		told       bool
	}{
		"that says when it ends": {10 * time.Minute, 10 * time.Minute, true},
		"that does not":          {0, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, refusal := &gate{first: firstBackoff}, outage(test.said)
			g.shut(refusal, noon)
			if refusal.RetryAfter != test.said {
				t.Errorf("who met the outage is told %s, want what the LMS said", refusal.RetryAfter)
			}
			mustBeShut(t, g, noon, test.want)
			if told := g.told(noon) != nil; told != test.told {
				t.Errorf("told of itself: %t", told)
			}
			// An answer to a call that was sent before says nothing.
			g.served(t.Context(), noon)
			mustBeShut(t, g, noon, test.want)
			if g.refused(asProbe(t.Context()), noon) != nil {
				t.Error("a probe has to find out whether it is over")
			}
			g.served(asProbe(t.Context()), noon)
			mustBeShut(t, g, noon, 0)
		})
	}
}

func TestARefusalThatAPersonHasToEndIsToldUntilACallIsServed(t *testing.T) {
	g := &gate{first: firstBackoff}
	g.shut(&lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonRegistrationLimited, Message: "Limited.", RetryAfter: time.Hour}, noon)
	mustTell := func(now time.Time, want time.Duration) {
		t.Helper()
		if told := g.told(now); told == nil || told.RetryAfter != want || told.Message != "Limited." {
			t.Errorf("tells %v, want that it is tried again in %s", told, want)
		}
	}
	// What was sent before the refusal is answered.
	g.served(t.Context(), noon.Add(time.Second))
	mustTell(noon.Add(20*time.Minute), 40*time.Minute)
	// The pause is over, and nobody has tried again.
	mustBeShut(t, g, noon.Add(time.Hour), 0)
	mustTell(noon.Add(2*time.Hour), 0)
	g.served(t.Context(), noon.Add(2*time.Hour))
	if told := g.told(noon.Add(2 * time.Hour)); told != nil {
		t.Errorf("tells %v after a call was served", told)
	}
}
