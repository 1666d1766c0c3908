package brakes

import (
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// recent are the withdrawals of the last hour that count.
type recent struct {
	counts
	// made are they, the oldest first.
	made []madeRemoval
	// known finds one again that is tried once more.
	known map[removal]struct{}
}

type madeRemoval struct {
	removal
	at time.Time
}

func (r *recent) has(wish removal) bool {
	_, has := r.known[wish]
	return has
}

func (r *recent) add(wish removal, at time.Time) {
	if r.known == nil {
		r.known = map[removal]struct{}{}
	}
	r.known[wish] = struct{}{}
	r.made = append(r.made, madeRemoval{wish, at})
	r.counts.add(wish.course, 1)
}

// pass forgets what is older than the window. What is later than now was noted by a clock that was ahead, and counts from now
// on: else it would count until that time has come.
func (r *recent) pass(now time.Time) {
	for i := len(r.made) - 1; i >= 0 && r.made[i].at.After(now); i-- {
		r.made[i].at = now
	}
	over, t := 0, now.Add(-window)
	for over < len(r.made) && !r.made[over].at.After(t) {
		delete(r.known, r.made[over].removal)
		r.counts.add(r.made[over].course, -1)
		over++
	}
	r.made = r.made[over:]
}

// restore takes up what was written down before a restart. All of it counts as made at the time of the last, which is on the
// safe side.
func (r *recent) restore(status *v1alpha1.RemovalsStatus) {
	if status.LastTime == nil {
		return
	}
	left := int(status.Recent)
	for i := range status.Courses {
		course := &status.Courses[i]
		left -= int(course.Recent)
		r.addNameless(course.CourseKey, int(course.Recent), status.LastTime.Time)
	}
	r.addNameless("", left, status.LastTime.Time) // in courses that are not listed
}

func (r *recent) addNameless(course string, n int, at time.Time) {
	for range n {
		r.made = append(r.made, madeRemoval{removal{course: course}, at})
	}
	r.counts.add(course, max(n, 0))
}
