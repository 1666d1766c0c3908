package main

import (
	"path/filepath"
	"sync/atomic"

	"rollcall.dev/rollcall/internal/testenv/child"
)

// startChild starts a program that runs as long as the demo does. Its output goes to a log of its own.
func (d *demo) startChild(program string, args ...string) error {
	running, err := child.Start(d.logOf(filepath.Base(program)), program, args...)
	if err != nil {
		return err
	}
	var stopping atomic.Bool
	go func() {
		<-running.Ended()
		if !stopping.Load() {
			d.fail(running.Death())
		}
	}()
	d.onStop(func() {
		stopping.Store(true)
		running.Stop()
	})
	return nil
}
