package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// mailPauses are the mail servers that are left alone for a while, because what one message met there every other would meet as
// well: a thousand messages are not a thousand wrong passwords, and none stands in line behind an outage.
type mailPauses struct {
	mu sync.Mutex
	of map[types.UID]mailPause // by that of the platform
}

type mailPause struct {
	// server is the version of the mail server that it is about.
	server string
	// since is when the trouble began, until when the next message may try.
	since, until time.Time
	// state is what the other messages show.
	state outcome
}

// begin has a mail server left alone for a quarter of the time that the trouble has lasted, within the bounds. It gives the
// outcome of the message that met it.
func (p *mailPauses) begin(platform *v1alpha1.LearningPlatform, server mailServer, state outcome, shortest, longest time.Duration, now time.Time) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := mailPause{server: server.version, since: now, state: state}
	if last := p.of[platform.UID]; last.server == pause.server && last.state.reason == state.reason {
		pause.since = last.since
	}
	state.after = min(max(now.Sub(pause.since)/4, shortest), longest)
	pause.until = now.Add(state.after)
	if p.of == nil {
		p.of = map[types.UID]mailPause{}
	}
	p.of[platform.UID] = pause
	return state
}

// left gives the outcome of a message while the mail server is left alone.
func (p *mailPauses) left(platform *v1alpha1.LearningPlatform, server mailServer, now time.Time) (state outcome, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := p.of[platform.UID]
	left := pause.until.Sub(now)
	if pause.server != server.version || left <= 0 {
		return outcome{}, false
	}
	pause.state.after = wait.Jitter(left, jitter)
	return pause.state, true
}

// end notes that the mail server looks at messages.
func (p *mailPauses) end(platform *v1alpha1.LearningPlatform) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, platform.UID)
}
