package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// mailTurns say which messages may be handed in. Of a mail server that is in trouble, or not known yet, one message at a time
// finds out how it is, as what that one meets every other would meet as well: a thousand messages are not a thousand wrong
// passwords, and none stands in line behind an outage.
type mailTurns struct {
	mu sync.Mutex
	of map[types.UID]*mailTurn // by that of the platform
}

type mailTurn struct {
	// server is the version of the mail server that it is about.
	server string
	// well: it looks at messages, so that all may go.
	well bool
	// tried: a message is finding out.
	tried bool
	// since is when the trouble began, until when the next message may try.
	since, until time.Time
	// state is what the other messages show; empty while nothing is known.
	state outcome
}

// take gives a message the turn, or the outcome with which it waits for how that of another ends; one without a reason says
// nothing yet. Whoever has the turn gives it back by end, begin or leave.
func (t *mailTurns) take(platform *v1alpha1.LearningPlatform, server mailServer, now time.Time) (waiting outcome, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := t.of[platform.UID]
	if turn == nil || turn.server != server.version {
		turn = &mailTurn{server: server.version, since: now}
		if t.of == nil {
			t.of = map[types.UID]*mailTurn{}
		}
		t.of[platform.UID] = turn
	}
	left := turn.until.Sub(now)
	switch {
	case turn.well:
		return outcome{}, true
	case left <= 0 && !turn.tried:
		turn.tried = true
		return outcome{}, true
	case left <= 0:
		left = min(max(now.Sub(turn.since)/4, firstRetry), lastMailRetry)
	}
	waiting = turn.state
	waiting.after = wait.Jitter(left, jitter)
	return waiting, false
}

// begin has a mail server left alone for a quarter of the time that the trouble has lasted, within the bounds. It gives the
// outcome of the message that met it.
func (t *mailTurns) begin(platform *v1alpha1.LearningPlatform, server mailServer, state outcome, shortest, longest time.Duration, now time.Time) outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := t.of[platform.UID]
	if turn == nil || turn.server != server.version {
		state.after = shortest
		return state // of a server that is another by now
	}
	if turn.state.reason != state.reason {
		turn.since = now
	}
	turn.well, turn.tried, turn.state = false, false, state
	state.after = min(max(now.Sub(turn.since)/4, shortest), longest)
	turn.until = now.Add(state.after)
	return state
}

// end notes that the mail server looks at messages.
func (t *mailTurns) end(platform *v1alpha1.LearningPlatform, server mailServer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn := t.of[platform.UID]; turn != nil && turn.server == server.version {
		*turn = mailTurn{server: server.version, well: true}
	}
}

// leave gives the turn to the next one: nothing was found out.
func (t *mailTurns) leave(platform *v1alpha1.LearningPlatform, server mailServer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn := t.of[platform.UID]; turn != nil && turn.server == server.version {
		turn.tried = false
	}
}
