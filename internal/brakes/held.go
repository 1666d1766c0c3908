package brakes

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// held are the withdrawals that are held, and those that were released and are still to be made.
type held struct {
	all map[types.UID]heldRemoval
	// until is the time of the last release: what was held by then is released.
	until time.Time
	// counted is the time up to which somebody was told how many are held, so that a release may be of them.
	counted time.Time
	// byCourse and byPlatform count what is held and not released, by the limit that holds it.
	byCourse, byPlatform counts
}

type heldRemoval struct {
	course string
	since  time.Time
	limit  v1alpha1.RemovalLimit
}

func (h heldRemoval) shown() Answer {
	return Answer{SinceTime: metav1.NewTime(h.since), Limit: h.limit}
}

func (h *held) isReleased(r heldRemoval) bool { return !r.since.After(h.until) }

func (h *held) get(wish removal) (heldRemoval, bool) {
	known, ok := h.all[wish.uid]
	return known, ok && known.course == wish.course
}

// add holds a withdrawal. The API keeps times to the second; so one that is held in the second of a release counts as later.
func (h *held) add(wish removal, limit v1alpha1.RemovalLimit, now time.Time) heldRemoval {
	r := heldRemoval{course: wish.course, since: now.Truncate(time.Second), limit: limit}
	for _, bound := range []time.Time{h.until, h.counted} {
		if !r.since.After(bound) {
			r.since = bound.Add(time.Second)
		}
	}
	h.set(wish.uid, r)
	return r
}

func (h *held) set(uid types.UID, r heldRemoval) {
	h.remove(uid)
	if h.all == nil {
		h.all = map[types.UID]heldRemoval{}
	}
	h.all[uid] = r
	h.count(r, 1)
}

func (h *held) remove(uid types.UID) {
	if known, ok := h.all[uid]; ok {
		h.count(known, -1)
		delete(h.all, uid)
	}
}

func (h *held) count(r heldRemoval, n int) {
	switch {
	case h.isReleased(r):
	case r.limit == v1alpha1.RemovalLimitPlatform:
		h.byPlatform.add(r.course, n)
	default:
		h.byCourse.add(r.course, n)
	}
}

// total is how many are held and not released.
func (h *held) total() int { return h.byCourse.total + h.byPlatform.total }

// release lets all be made that were held at a time.
func (h *held) release(until time.Time) {
	if !until.After(h.until) {
		return
	}
	h.until = until
	h.byCourse, h.byPlatform = counts{}, counts{}
	for _, r := range h.all {
		h.count(r, 1)
	}
}

// upTo gives a time by which all are held that are held now, and none that is held later.
func (h *held) upTo(now time.Time) time.Time {
	h.counted = now.Truncate(time.Second)
	for _, r := range h.all {
		if r.since.After(h.counted) {
			h.counted = r.since
		}
	}
	return h.counted
}
