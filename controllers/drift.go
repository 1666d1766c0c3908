package controllers

import (
	"context"
	"hash/fnv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// drift passes on what sweeps find: an object that seems to differ on the LMS is marked and visited, and its own controller
// asks the LMS about it as if somebody had requested that. What is not looked into before a restart, the next sweep finds.
type drift struct {
	// contacts and enrollments are to be visited.
	contacts, enrollments chan event.GenericEvent
	// marked are the UIDs of the objects to ask about.
	marked *lru.Cache
}

// rememberedDrift is how many objects can be marked at a time; what is beyond it waits for the next sweep.
const rememberedDrift = 200_000

func newDrift() *drift {
	return &drift{
		contacts:    make(chan event.GenericEvent),
		enrollments: make(chan event.GenericEvent),
		marked:      lru.New(rememberedDrift),
	}
}

// suspect asks for a check of an object that may be one of the cache.
func (d *drift) suspect(ctx context.Context, queue chan<- event.GenericEvent, o client.Object) {
	d.marked.Add(o.GetUID(), nil)
	select {
	case queue <- event.GenericEvent{Object: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()}}}:
	case <-ctx.Done():
	}
}

// suspects says whether the object is to be asked about.
func (d *drift) suspects(o client.Object) bool {
	_, marked := d.marked.Get(o.GetUID())
	return marked
}

// due says whether to ask about an object at once that has a conflict or is stalled, as a sweep has found something new.
func (d *drift) due(o client.Object, attempts *v1alpha1.Attempts) bool {
	return d.suspects(o) && attempts != nil && lms.Class(attempts.LastError.Class) != lms.Transient
}

// lane gives the calls for a marked object their lane: it is the sweep that wants them.
func (d *drift) lane(ctx context.Context, o client.Object) context.Context {
	if d.suspects(o) {
		return lms.WithLane(ctx, lms.Background)
	}
	return ctx
}

// settled forgets the mark, as the object's visit has come to a result.
func (d *drift) settled(o client.Object) { d.marked.Remove(o.GetUID()) }

// driftInterval is the time between two sweeps; 0 when none are wanted.
func driftInterval(platform *v1alpha1.LearningPlatform) time.Duration {
	if platform.Spec.DriftPolicy == v1alpha1.DriftPolicyOff {
		return 0
	}
	return time.Duration(platform.Spec.DriftIntervalMinutes) * time.Minute
}

// makeUp is the part of the interval in which sweeps are made up that were missed while Rollcall or the LMS was down.
const makeUp = 24

// sweepableSince is since when sweeps of a platform could be made: since this process started, or the platform was found well
// after a trouble.
func sweepableSince(platform *v1alpha1.LearningPlatform, started time.Time) time.Time {
	if well := readyOf(platform); well.Status == metav1.ConditionTrue && well.LastTransitionTime.After(started) {
		return well.LastTransitionTime.Time
	}
	return started
}

// nextSweep is when an object is due to be swept. Each has a place of its own in the interval, so that sweeps are spread, and
// stay so: after one at another time it is the next place but those very near. No restart begins many at a time, nor does the end of an outage: what was missed
// before sweeps could be made is made up from then on.
func nextSweep(o client.Object, last, started, since time.Time, interval time.Duration) time.Time {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(o.GetUID()))
	place := time.Duration(hash.Sum64() % uint64(interval))
	after := func(t time.Time) time.Time {
		next := t.Truncate(interval).Add(place)
		if next.Before(t) {
			next = next.Add(interval)
		}
		return next
	}
	next := after(last.Add(interval / 2))
	if last.IsZero() {
		next = after(started)
		if created := o.GetCreationTimestamp().Time; created.After(started) {
			next = after(created)
		}
	}
	if !next.Before(since) {
		return next
	}
	return since.Add(place / makeUp)
}
