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
	var pauses mailPauses
	away := working(v1alpha1.ReasonRetrying, "The mail server does not answer.", 0)

	if _, paused := pauses.left(platform, server, now); paused {
		t.Error("nothing is known of the server, and it is left alone")
	}
	began := now
	for range 1000 {
		tried := pauses.begin(platform, server, away, time.Second, time.Minute, now)
		if want := min(max(now.Sub(began)/4, time.Second), time.Minute); tried.after != want {
			t.Fatalf("after %v it is left alone for %v, want %v", now.Sub(began), tried.after, want)
		}
		other, paused := pauses.left(platform, server, now.Add(tried.after/2))
		if !paused || other.reason != away.reason || other.message != away.message || other.after < tried.after/2 || other.after > tried.after {
			t.Fatalf("another message meanwhile: %+v, paused %v", other, paused)
		}
		now = now.Add(tried.after)
		if _, paused := pauses.left(platform, server, now); paused {
			t.Fatal("it is left alone for longer than planned")
		}
	}
	pauses.begin(platform, server, away, time.Second, time.Minute, now)
	if _, paused := pauses.left(platform, mailServer{version: "2"}, now); paused {
		t.Error("a server with other settings is left alone, too")
	}
	refused := pauses.begin(platform, server, conflict(v1alpha1.ReasonMailMisconfigured, "No.", 0), time.Minute, time.Hour, now)
	if refused.after != time.Minute {
		t.Errorf("another trouble begins with %v", refused.after)
	}
	pauses.end(platform)
	if _, paused := pauses.left(platform, server, now); paused {
		t.Error("the trouble is over, and it is left alone")
	}
}
