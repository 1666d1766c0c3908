package controllers

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestSweepsAreSpreadOverTheInterval(t *testing.T) {
	const courses, day = 2400, 24 * time.Hour
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	started := created.Add(10 * day)
	for name, test := range map[string]struct {
		last        time.Time
		from, until time.Duration // after the start, in which they all are
	}{
		"NeverSwept":             {time.Time{}, 0, day},
		"SweptAnHourAgo":         {started.Add(-time.Hour), 11 * time.Hour, 35 * time.Hour},
		"MissedInADaysDownTime":  {started.Add(-2 * day), 0, time.Hour},
		"SweptWhileThisWasGoing": {started.Add(5 * day), 5*day + 12*time.Hour, 6*day + 12*time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			const parts = 24
			var counts [parts]int
			for i := range courses {
				course := &v1alpha1.Course{}
				course.UID, course.CreationTimestamp = types.UID(fmt.Sprint("uid-", i)), metav1.NewTime(created)
				next := nextSweep(course, test.last, started, started, day).Sub(started)
				if next < test.from || next >= test.until {
					t.Fatalf("course %d is due %s after the start", i, next)
				}
				counts[(next-test.from)*parts/(test.until-test.from)]++
			}
			for part, count := range counts {
				if count < courses/parts/2 || count > courses/parts*2 {
					t.Errorf("%d of %d are due in part %d of %d", count, courses, part, parts)
				}
			}
		})
	}
}

func TestASweepIsDueAtTheSamePlaceEveryDay(t *testing.T) {
	const day = 24 * time.Hour
	started := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	course := &v1alpha1.Course{}
	course.UID = "uid"
	due := nextSweep(course, time.Time{}, started, started, day)
	for range 5 {
		next := nextSweep(course, due.Add(3*time.Minute), started, started, day) // The sweep took three minutes.
		if next.Sub(due) != day {
			t.Fatalf("after %s comes %s", due, next)
		}
		due = next
	}
}

// After an outage that was longer than the interval all sweeps were missed; they are spread as after a down-time of Rollcall.
func TestSweepsThatAnOutageMissedAreMadeUpSinceItsEnd(t *testing.T) {
	started := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ended := started.Add(72 * time.Hour)
	platform := &v1alpha1.LearningPlatform{}
	well := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonConnected, LastTransitionTime: metav1.NewTime(ended)}
	for name, test := range map[string]struct {
		change func(*metav1.Condition)
		want   time.Time
	}{
		"well since the outage":       {func(*metav1.Condition) {}, ended},
		"well since before the start": {func(c *metav1.Condition) { c.LastTransitionTime = metav1.NewTime(started.Add(-time.Hour)) }, started},
		"not well":                    {func(c *metav1.Condition) { c.Status = metav1.ConditionFalse }, started},
	} {
		condition := well
		test.change(&condition)
		platform.Status.Conditions = []metav1.Condition{condition}
		if got := sweepableSince(platform, started); !got.Equal(test.want) {
			t.Errorf("%s: sweeps could be made since %s, want %s", name, got, test.want)
		}
	}
}

// One whose place is always within the nightly maintenance is swept after it.
func TestWhatWasNeverSweptIsMadeUpAfterAnOutageToo(t *testing.T) {
	const day = 24 * time.Hour
	started := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	course := &v1alpha1.Course{}
	course.UID = "uid"
	due := nextSweep(course, time.Time{}, started, started, day)
	ended := due.Add(30 * time.Minute)
	if next := nextSweep(course, time.Time{}, started, ended, day); next.Before(ended) || next.After(ended.Add(day/makeUp)) {
		t.Errorf("due %s, within an outage until %s; made up %s", due, ended, next)
	}
}
