package controllers

import (
	"testing"
	"time"
)

func TestAVisitIsPlannedForTheEdgeOrBeforeItAndWithinAboutADay(t *testing.T) {
	for _, left := range []time.Duration{time.Nanosecond, time.Second, 23 * time.Hour, 25 * time.Hour, 30 * time.Hour, 1<<63 - 1} {
		for range 100 {
			got := untilEdge(left)
			if got > max(left, time.Millisecond) || got > 30*time.Hour || left <= maxPlan && got < left {
				t.Errorf("%s before the edge, the next visit is in %s", left, got)
			}
		}
	}
	if got := untilEdge(0); got <= 0 {
		t.Errorf("at the edge, the next visit is in %s: none would be planned", got)
	}
}
