package main

import (
	"context"
	"maps"
	"os"
	"time"

	"github.com/prometheus/procfs"
)

const (
	// calm is for how long nothing may be written, and hardly anything computed, before all work counts as done.
	calm = 300 * time.Millisecond
	// idle is the share of a core that processes without work may take together.
	idle = 0.15
)

// settled waits until all work is done, and gives the count of writes.
func (c *cluster) settled(ctx context.Context) (writes, error) {
	before, err := c.writes(ctx)
	for err == nil {
		worked := allChildren().cpu
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(calm):
		}
		worked = allChildren().cpu - worked
		var now writes
		if now, err = c.writes(ctx); worked <= idle*calm.Seconds() && maps.Equal(before, now) {
			break
		}
		before = now
	}
	return before, err
}

// programs are those that are measured.
var programs = []string{"rollcall", "kube-apiserver", "etcd"}

// usage is what processes take: seconds of CPU time, and bytes of resident memory by program.
type usage struct {
	cpu    float64
	memory map[string]int
}

// allChildren gives what etcd, kube-apiserver and Rollcall take. There has to be a /proc; elsewhere it is nothing.
func allChildren() usage {
	total := usage{memory: map[string]int{}}
	processes, _ := procfs.AllProcs()
	for _, process := range processes {
		stat, err := process.Stat()
		if err != nil || stat.PPID != os.Getpid() { // it may have ended meanwhile
			continue
		}
		total.cpu += stat.CPUTime()
		total.memory[stat.Comm] += stat.ResidentMemory()
	}
	return total
}
