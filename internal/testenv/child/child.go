// Package child starts programs that tests and tools need beside them, and that end when these do.
package child

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long a child may take to end when it is asked to. Rollcall lets every request that has begun end.
const stopGrace = 20 * time.Second

// Child is a program that was started.
type Child struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// Start starts a program. What it prints is added to the file log. The child has a process group of its own, so that a
// Ctrl-C on the terminal reaches its parent alone, which stops all in order. On Linux it dies with its parent, however
// that dies.
func Start(log, program string, args ...string) (*Child, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close() //nolint:errcheck // the child has its own descriptor

	// No context: its end would kill all children at once and in no order.
	cmd := exec.CommandContext(context.Background(), program, args...) //nolint:gosec // tests and tools say which
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = attributes()
	c := &Child{cmd: cmd, log: log, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that started a child for the parent's. This one lasts as long as the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			defer close(c.ended)
			_ = cmd.Wait() // Death tells how it ended
		}
	}()
	return c, <-started
}

// Ended is closed when the child has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Stop asks the child to end, and makes it end if it takes longer than 20 seconds.
func (c *Child) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	c.signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.Kill()
	}
}

// Kill ends the child as "kill -9" does.
func (c *Child) Kill() {
	c.signal(syscall.SIGKILL)
	<-c.ended
}

func (c *Child) signal(signal syscall.Signal) { _ = syscall.Kill(-c.cmd.Process.Pid, signal) } // gone already is as good

// Death says how a child that has ended did so.
func (c *Child) Death() *DeathError {
	return &DeathError{Program: filepath.Base(c.cmd.Path), Reason: "ended by itself, " + c.cmd.ProcessState.String(), Log: c.log}
}

// DeathError is the end of a program that should have kept running.
type DeathError struct {
	// Program is its name, and Reason goes on from there: how it ended.
	Program, Reason string
	// Log is the file with what it printed.
	Log string
}

// Error tells the end of the log, too.
func (e *DeathError) Error() string {
	return fmt.Sprintf("%s %s. The end of %s:\n%s", e.Program, e.Reason, e.Log, tail(e.Log, 15))
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
