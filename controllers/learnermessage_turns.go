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

// turnLasts is how long a message has the turn for itself: one that waits for a slow confirmation does not keep all others back.
const turnLasts = time.Minute

type mailTurn struct {
	// server is the version of the mail server that it is about.
	server string
	// well: it looks at messages, so that all may go.
	well bool
	// holder is the message that is finding out, nil if none is, and taken when it began.
	holder *mailTry
	taken  time.Time
	// since is when the trouble began, until when the next message may try.
	since, until time.Time
	// state is what the other messages show.
	state outcome
}

// mailTry is how one message finds out about a mail server.
type mailTry struct {
	turns    *mailTurns
	platform types.UID
	server   string
}

// take begins the try of a message, which may go on if it is ok: it has the turn, or needs none. If not, waiting is the outcome
// with which it waits for how the try of another ends. Whoever has the turn gives it back by end, begin or leave.
func (t *mailTurns) take(platform *v1alpha1.LearningPlatform, server mailServer, now time.Time) (try *mailTry, waiting outcome, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	try = &mailTry{turns: t, platform: platform.UID, server: server.version}
	turn := try.turn()
	if turn == nil {
		turn = &mailTurn{server: server.version, since: now, state: working(v1alpha1.ReasonQueued, "Waits for what the mail server says to another message.", 0)}
		if t.of == nil {
			t.of = map[types.UID]*mailTurn{}
		}
		t.of[platform.UID] = turn
	}
	left := turn.until.Sub(now)
	switch {
	case turn.well:
		return try, outcome{}, true
	case left <= 0 && (turn.holder == nil || now.Sub(turn.taken) >= turnLasts):
		turn.holder, turn.taken = try, now
		return try, outcome{}, true
	case left <= 0:
		left = min(max(now.Sub(turn.since)/4, firstRetry), lastMailRetry)
	}
	waiting = turn.state
	waiting.after = wait.Jitter(left, jitter)
	return try, waiting, false
}

// turn is the one that the try is about; nil if the mail server is another by now.
func (t *mailTry) turn() *mailTurn {
	if turn := t.turns.of[t.platform]; turn != nil && turn.server == t.server {
		return turn
	}
	return nil
}

// begin has a mail server left alone for a quarter of the time that the trouble has lasted, within the bounds. It gives the
// outcome of the message that met it.
func (t *mailTry) begin(state outcome, shortest, longest time.Duration, now time.Time) outcome {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	turn := t.turn()
	if turn == nil {
		state.after = shortest
		return state
	}
	if turn.state.reason != state.reason {
		turn.since = now
	}
	turn.well, turn.state = false, state
	state.after = min(max(now.Sub(turn.since)/4, shortest), longest)
	turn.until = now.Add(state.after)
	turn.giveBack(t)
	return state
}

// end notes that the mail server looks at messages.
func (t *mailTry) end() {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	if turn := t.turn(); turn != nil {
		*turn = mailTurn{server: t.server, well: true}
	}
}

// leave gives the turn to the next one: nothing was found out.
func (t *mailTry) leave() {
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	if turn := t.turn(); turn != nil {
		turn.giveBack(t)
	}
}

// giveBack lets the next one try, unless another one has the turn.
func (t *mailTurn) giveBack(try *mailTry) {
	if t.holder == try {
		t.holder = nil
	}
}
