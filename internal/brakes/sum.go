package brakes

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// maxCourses is how many courses a status lists.
const maxCourses = 20

// Sum gives what a platform's status shows of its removals, and remembers the release that it has. It gives the time until none
// of them is recent any more, too; 0 when none is.
func (b *Brakes) Sum(on *v1alpha1.LearningPlatform) (*v1alpha1.RemovalsStatus, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.of(client.ObjectKeyFromObject(on)), b.clock.Now()
	p.held.release(releasedUntil(on))
	p.release = release{on.Status.Removals.LastRelease, on.Status.Removals.LastReleaseTime}
	p.recent.pass(now)
	sum := &v1alpha1.RemovalsStatus{
		Held: int32(p.held.total()), Released: int32(len(p.held.all) - p.held.total()),
		Recent: int32(p.recent.total), Courses: p.courses(),
		LastRelease: on.Status.Removals.LastRelease, LastReleaseTime: on.Status.Removals.LastReleaseTime,
	}
	if p.recent.total == 0 {
		return sum, 0
	}
	last := p.recent.made[len(p.recent.made)-1].at
	sum.LastTime = new(metav1.NewTime(last.Truncate(time.Second)))
	return sum, last.Add(window).Sub(now)
}

func (p *platform) courses() []v1alpha1.CourseRemovals {
	byKey := map[string]*v1alpha1.CourseRemovals{}
	course := func(key string) *v1alpha1.CourseRemovals {
		if byKey[key] == nil {
			byKey[key] = &v1alpha1.CourseRemovals{CourseKey: key}
		}
		return byKey[key]
	}
	for _, counted := range []counts{p.held.byCourse, p.held.byPlatform} {
		for key, n := range counted.in {
			course(key).Held += int32(n)
		}
	}
	for key, n := range p.recent.in {
		course(key).Recent += int32(n)
	}
	delete(byKey, "") // those of before a restart whose course was not listed
	var courses []v1alpha1.CourseRemovals
	for _, removals := range byKey {
		courses = append(courses, *removals)
	}
	slices.SortFunc(courses, func(a, b v1alpha1.CourseRemovals) int {
		return cmp.Or(cmp.Compare(b.Held, a.Held), cmp.Compare(b.Recent, a.Recent), cmp.Compare(a.CourseKey, b.CourseKey))
	})
	return courses[:min(len(courses), maxCourses)]
}

// HeldUpTo tells how many withdrawals are held, and a time by which all these are held and none that is held later: it may
// become the time of a release.
func (b *Brakes) HeldUpTo(on *v1alpha1.LearningPlatform) (int, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.of(client.ObjectKeyFromObject(on))
	p.held.release(releasedUntil(on))
	return p.held.total(), p.held.upTo(b.clock.Now())
}
