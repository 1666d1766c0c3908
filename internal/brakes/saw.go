package brakes

import (
	"k8s.io/apimachinery/pkg/types"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/leaving"
)

// Saw takes note of how an Enrollment was and is now: nil before it was made, and after it is gone. It says whether the
// removals that a platform shows may be others by that.
func (b *Brakes) Saw(was, is *v1alpha1.Enrollment) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.count(was, -1)
	stays := b.count(is, 1)
	// What was decided here and is not written down yet is told by no event, and has to stay.
	before, now := heldOf(was), heldOf(is)
	switch {
	case now != nil && (before == nil || *before != *now):
		b.platformOf(is).held.set(is.UID, *now)
	case before != nil && now == nil:
		b.platformOf(was).held.remove(was.UID)
	case is == nil && was.Status.Platform != "":
		b.platformOf(was).held.remove(was.UID)
	default:
		return left && !stays
	}
	return true
}

// count counts an Enrollment whose learner may be in the course, or is to get into it at the first login.
func (b *Brakes) count(enrollment *v1alpha1.Enrollment, n int) bool {
	if enrollment == nil || enrollment.Status.Platform == "" || !leaving.HasPlace(&enrollment.Status) {
		return false
	}
	b.platformOf(enrollment).enrolled.add(enrollment.Status.CourseKey, n)
	return true
}

func heldOf(enrollment *v1alpha1.Enrollment) *heldRemoval {
	if enrollment == nil || enrollment.Status.Platform == "" || enrollment.Status.RemovalHeld == (v1alpha1.HeldRemoval{}) {
		return nil
	}
	return &heldRemoval{
		course: enrollment.Status.CourseKey, since: enrollment.Status.RemovalHeld.SinceTime.Time, limit: enrollment.Status.RemovalHeld.Limit,
	}
}

func (b *Brakes) platformOf(enrollment *v1alpha1.Enrollment) *platform {
	return b.of(types.NamespacedName{Namespace: enrollment.Namespace, Name: enrollment.Status.Platform})
}
