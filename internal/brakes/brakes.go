// Package brakes limits how many learners lose a course in an hour. It knows who is enrolled, who was withdrawn within the
// last hour and whose withdrawal is held, and decides about each further withdrawal; spec.safety of the LearningPlatform has
// the limits.
package brakes

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// window is the time over which withdrawals are counted.
const window = time.Hour

// Brakes are those of all platforms. They are safe for concurrent use.
type Brakes struct {
	clock     clock.PassiveClock
	mu        sync.Mutex
	platforms map[types.NamespacedName]*platform
}

// New gives brakes that know of nobody. Saw has to tell them of all Enrollments before Open.
func New(clock clock.PassiveClock) *Brakes {
	return &Brakes{clock: clock, platforms: map[types.NamespacedName]*platform{}}
}

// platform is what is known of one LearningPlatform.
type platform struct {
	// isOpen is true once the withdrawals of the last hour are known, also those before a restart.
	isOpen   bool
	enrolled counts
	recent   recent
	held     held
	// release is the last one that was looked at.
	release release
}

// release is what a status tells of the last release.
type release struct {
	value string
	at    *metav1.Time
}

// Answer is what comes of the wish to withdraw a learner: Go, NotYet, or since when and by which limit it is held.
type Answer v1alpha1.HeldRemoval

var (
	// Go lets the withdrawal be made.
	Go = Answer{}
	// NotYet asks to come again in a second: it is not known yet what the last hour was like.
	NotYet = Answer{Limit: "NotYet"}
)

// Ask decides about the withdrawal of the learner from the course that the Enrollment's status names. One that may be made
// counts from now on; asking for it again within the hour changes nothing.
func (b *Brakes) Ask(enrollment *v1alpha1.Enrollment, on *v1alpha1.LearningPlatform) Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.of(client.ObjectKeyFromObject(on)), b.clock.Now()
	if !p.isOpen {
		// What was held before a restart shows as held all the time.
		if was := heldOf(enrollment); was != nil && enrollment.Status.Platform == on.Name && was.since.After(releasedUntil(on)) {
			return was.shown()
		}
		return NotYet
	}
	p.held.release(releasedUntil(on))
	wish := removal{uid: enrollment.UID, course: enrollment.Status.CourseKey}
	if known, ok := p.held.get(wish); ok {
		if p.held.isReleased(known) {
			return Go
		}
		return known.shown()
	}
	p.recent.pass(now)
	if p.recent.has(wish) {
		return Go
	}
	if limit := p.limitFor(wish.course, &on.Spec.Safety); limit != "" {
		return p.held.add(wish, limit, now).shown()
	}
	p.recent.add(wish, now)
	return Go
}

// limitFor gives the limit that holds another withdrawal from a course, or nothing. One that has come into force stays so
// as long as it holds anything: else a mass removal would go on hour by hour.
func (p *platform) limitFor(course string, safety *v1alpha1.SafetySpec) v1alpha1.RemovalLimit {
	switch {
	case p.held.byPlatform.total > 0 || p.recent.total >= allowed(safety, p.enrolled.total+p.recent.total):
		return v1alpha1.RemovalLimitPlatform
	case p.held.byCourse.in[course] > 0 || p.recent.in[course] >= allowed(safety, p.enrolled.in[course]+p.recent.in[course]):
		return v1alpha1.RemovalLimitCourse
	}
	return ""
}

const (
	defaultMax, defaultPercent = 500, 20
	// alwaysAllowed is what the percentage leaves even to the smallest course.
	alwaysAllowed = 10
)

// allowed gives how many of those who were enrolled may be withdrawn in an hour.
func allowed(safety *v1alpha1.SafetySpec, enrolled int) int {
	most, percent := defaultMax, defaultPercent
	if set := safety.MaxWithdrawalsPerHour; set != nil {
		most = int(*set)
	}
	if set := safety.MaxWithdrawalPercentPerHour; set != nil {
		percent = int(*set)
	}
	return min(most, max(alwaysAllowed, enrolled*percent/100))
}

// Settled tells that the withdrawal of an Enrollment was made, or is not wanted any more.
func (b *Brakes) Settled(enrollment *v1alpha1.Enrollment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.platformOf(enrollment).held.remove(enrollment.UID)
}

// Open lets withdrawals be made on a platform, and says whether that is new. What its status tells of the time before a
// restart is taken up the first time. Later its last release is set right, for a status that was read too early does not have
// it.
func (b *Brakes) Open(on *v1alpha1.LearningPlatform) (isFirst bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, status := b.of(client.ObjectKeyFromObject(on)), &on.Status.Removals
	if p.isOpen {
		status.LastRelease, status.LastReleaseTime = p.release.value, p.release.at
		return false
	}
	p.isOpen = true
	p.recent.restore(status)
	p.release = release{status.LastRelease, status.LastReleaseTime}
	return true
}

// Forget is for a platform that is gone. If one comes with its name, nobody was withdrawn there yet.
func (b *Brakes) Forget(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.of(key)
	p.isOpen, p.recent = false, recent{}
}

func (b *Brakes) of(key types.NamespacedName) *platform {
	if b.platforms[key] == nil {
		b.platforms[key] = &platform{}
	}
	return b.platforms[key]
}

func releasedUntil(on *v1alpha1.LearningPlatform) time.Time {
	if at := on.Status.Removals.LastReleaseTime; at != nil {
		return at.Time
	}
	return time.Time{}
}

// removal is one learner's loss of one course.
type removal struct {
	uid    types.UID
	course string
}
