package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// stopGrace is how long a child may take to end after SIGTERM.
const stopGrace = 15 * time.Second

// deathError is the end of a program that should have kept running.
type deathError struct {
	program string
	reason  string
	log     string
}

func (e *deathError) Error() string {
	return fmt.Sprintf("%s %s. The end of %s:\n%s", e.program, e.reason, e.log, tail(e.log, 15))
}

// startChild starts a program that runs as long as the demo does. Its output goes to a log of its own. It gets a
// process group of its own, so that a Ctrl-C on the terminal reaches the demo alone, which stops all in order.
func (d *demo) startChild(program string, args ...string) error {
	name := filepath.Base(program)
	log, err := d.createLog(name)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor

	// Not the demo's context: it would kill all children at once and in no order.
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return err
	}

	var stopping atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		if !stopping.Load() {
			d.fail(&deathError{program: name, reason: "ended by itself, " + cmd.ProcessState.String(), log: log.Name()})
		}
	}()

	d.onStop(func() {
		stopping.Store(true)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(stopGrace):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	})
	return nil
}

// tail gives the last lines of a file: what a program said before it died.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
