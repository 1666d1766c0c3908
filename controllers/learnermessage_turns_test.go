package controllers

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestAMailServerInTroubleIsTriedByOneMessageAtATime(t *testing.T) {
	now := time.Unix(0, 0)
	platform, server := &v1alpha1.LearningPlatform{}, mailServer{version: "1"}
	platform.UID = "platform"
	var turns mailTurns
	away := working(v1alpha1.ReasonRetrying, "The mail server does not answer.", 0)
	take := func(what string) {
		t.Helper()
		if waiting, ok := turns.take(platform, server, now); !ok {
			t.Fatalf("%s: it waits for %+v", what, waiting)
		}
		if waiting, ok := turns.take(platform, server, now); ok || waiting.after <= 0 {
			t.Fatalf("%s: another one tries it at the same time", what)
		}
	}

	take("nothing is known")
	if waiting, _ := turns.take(platform, server, now); waiting.reason != "" {
		t.Errorf("before the first one has tried, another says %+v", waiting)
	}
	turns.leave(platform, server)
	take("the first one gave up")
	began := now
	for range 1000 {
		tried := turns.begin(platform, server, away, time.Second, time.Minute, now)
		if want := min(max(now.Sub(began)/4, time.Second), time.Minute); tried.after != want {
			t.Fatalf("after %v it is left alone for %v, want %v", now.Sub(began), tried.after, want)
		}
		other, ok := turns.take(platform, server, now.Add(tried.after/2))
		if ok || other.reason != away.reason || other.message != away.message || other.after < tried.after/2 || other.after > tried.after {
			t.Fatalf("another message meanwhile: %+v, tries %v", other, ok)
		}
		now = now.Add(tried.after)
		take("its time is over")
	}

	late := server
	server = mailServer{version: "2"}
	take("a server with other settings")
	turns.end(platform, late)
	if _, ok := turns.take(platform, server, now); ok {
		t.Error("what is known of the old settings counts for the new ones")
	}
	refused := turns.begin(platform, server, conflict(v1alpha1.ReasonMailMisconfigured, "No.", 0), time.Minute, time.Hour, now)
	if refused.after != time.Minute {
		t.Errorf("another trouble begins with %v", refused.after)
	}
	turns.end(platform, server)
	for range 2 {
		if _, ok := turns.take(platform, server, now); !ok {
			t.Error("the trouble is over, and it is left alone")
		}
	}
}
