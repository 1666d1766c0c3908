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
	take := func(what string) *mailTry {
		t.Helper()
		try, waiting, ok := turns.take(platform, server, now)
		if !ok {
			t.Fatalf("%s: it waits for %+v", what, waiting)
		}
		if _, waiting, ok := turns.take(platform, server, now); ok || waiting.after <= 0 {
			t.Fatalf("%s: another one tries it at the same time", what)
		}
		return try
	}

	try := take("nothing is known")
	if _, waiting, _ := turns.take(platform, server, now); waiting.reason != v1alpha1.ReasonQueued {
		t.Errorf("before the first one has tried, another says %+v", waiting)
	}
	try.leave()
	try = take("the first one gave up")
	began := now
	for range 1000 {
		tried := try.begin(away, time.Second, time.Minute, now)
		if want := min(max(now.Sub(began)/4, time.Second), time.Minute); tried.after != want {
			t.Fatalf("after %v it is left alone for %v, want %v", now.Sub(began), tried.after, want)
		}
		_, other, ok := turns.take(platform, server, now.Add(tried.after/2))
		if ok || other.reason != away.reason || other.message != away.message || other.after < tried.after/2 || other.after > tried.after {
			t.Fatalf("another message meanwhile: %+v, tries %v", other, ok)
		}
		now = now.Add(tried.after)
		try = take("its time is over")
	}

	late := try
	server = mailServer{version: "2"}
	try = take("a server with other settings")
	late.end()
	if _, _, ok := turns.take(platform, server, now); ok {
		t.Error("what is known of the old settings counts for the new ones")
	}
	refused := try.begin(conflict(v1alpha1.ReasonMailMisconfigured, "No.", 0), time.Minute, time.Hour, now)
	if refused.after != time.Minute {
		t.Errorf("another trouble begins with %v", refused.after)
	}
	try.end()
	var tries []*mailTry
	for range 2 {
		try, _, ok := turns.take(platform, server, now)
		if !ok {
			t.Error("the trouble is over, and it is left alone")
		}
		tries = append(tries, try)
	}

	now = now.Add(tries[0].begin(away, time.Second, time.Minute, now).after)
	take("the first of two fails, and its time is over")
	now = now.Add(tries[1].begin(away, time.Second, time.Minute, now).after)
	tries[1].leave()
	if _, _, ok := turns.take(platform, server, now); ok {
		t.Error("the second of the two gives back the turn of a third")
	}
}

func TestOneSlowMessageDoesNotKeepAllOthersBack(t *testing.T) {
	began := time.Unix(0, 0)
	platform, server := &v1alpha1.LearningPlatform{}, mailServer{version: "1"}
	var turns mailTurns
	if _, _, ok := turns.take(platform, server, began); !ok {
		t.Fatal("the first one waits")
	}
	if _, waiting, ok := turns.take(platform, server, began.Add(turnLasts-time.Second)); ok || waiting.after > turnLasts+turnLasts/4 {
		t.Errorf("the second one: %+v, tries %v", waiting, ok)
	}
	for range 2 {
		began = began.Add(turnLasts)
		if _, _, ok := turns.take(platform, server, began); !ok {
			t.Error("the next one waits for as long as the first one does")
		}
	}
}
