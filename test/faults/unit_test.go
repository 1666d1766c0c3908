package faults

import (
	"context"
	"errors"
	"os"
	"regexp"
	"sync"
	"time"

	"rollcall.dev/rollcall/internal/testenv/child"
)

// unit keeps a program running, as the kubelet does: when it has ended, however, it is started again.
type unit struct {
	name, program, log string
	args               []string
	// pause is for how long it stays down.
	pause time.Duration

	// end ends the program for good, and ended tells when it has.
	end   context.CancelFunc
	ended chan struct{}

	mu      sync.Mutex
	current *child.Child
	killed  bool
	deaths  []error // of its own accord
}

// begin starts the program for the first time.
func (u *unit) begin() error {
	if err := u.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	u.ended = make(chan struct{})
	u.end = func() {
		cancel()
		<-u.ended
	}
	go u.keep(ctx)
	return nil
}

func (u *unit) start() error {
	started, err := child.Start(u.log, u.program, u.args...)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.current, u.killed = started, false
	return err
}

func (u *unit) keep(ctx context.Context) {
	defer close(u.ended)
	for {
		select {
		case <-u.current.Ended():
			u.mourn()
			select {
			case <-time.After(u.pause):
			case <-ctx.Done():
				return
			}
			if err := u.start(); err != nil {
				panic(err) // it has been started before
			}
		case <-ctx.Done():
			u.current.Stop()
			return
		}
	}
}

func (u *unit) mourn() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.killed {
		u.deaths = append(u.deaths, u.current.Death())
	}
}

// kill ends the program as "kill -9" does; it comes back after the pause. One that is down cannot be killed.
func (u *unit) kill(pause time.Duration) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	select {
	case <-u.current.Ended():
		return errors.New("it is down")
	default:
	}
	u.pause, u.killed = pause, true
	u.current.Kill()
	return nil
}

// died gives how the program ended of its own accord since the last time.
func (u *unit) died() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	deaths := u.deaths
	u.deaths = nil
	return errors.Join(deaths...)
}

// crashes are how the last words of a program begin, and what controller-runtime and the door say of a panic that they stop.
var crashes = regexp.MustCompile(`(?m)^(panic|fatal error): .*|^.*(Observed|Recovered from) a panic.*`)

// crash gives the first crash that the program has logged; empty when there is none.
func (u *unit) crash() (string, error) {
	logged, err := os.ReadFile(u.log)
	return string(crashes.Find(logged)), err
}
