package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"time"
)

// backlog is what it takes to work off many enrollments at once.
type backlog struct {
	enrollments, used, refused int
	took                       time.Duration
}

var backlogLine = regexp.MustCompile(`(\d+) enrollments took (\S+) and \d+ calls of the budget, (\d+) % of it; (\d+) were refused`)

// simulateBacklog runs the test of the driver that does so: only a test can have a clock that goes by itself as fast as the
// work is done.
func simulateBacklog(ctx context.Context) (found backlog, err error) {
	output, err := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run=^TestABacklogIsWorkedOffInFullBatches$", "./internal/openedx").CombinedOutput()
	match := backlogLine.FindStringSubmatch(string(output))
	if match == nil {
		return found, fmt.Errorf("the simulation of a backlog failed: %w\n%s", err, output)
	}
	if _, err := fmt.Sscan(match[1]+" "+match[3]+" "+match[4], &found.enrollments, &found.used, &found.refused); err != nil {
		return found, err
	}
	found.took, err = time.ParseDuration(match[2])
	return found, err
}
