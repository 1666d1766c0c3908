package openedx

import "time"

// places gives turns to as many calls as may be under way at a time. Their number is halved when the LMS fails or is too
// slow, falls to one when it takes no more calls, so that one finds out whether it does again, and grows while it serves.
type places struct {
	most, limit, taken int
	// served counts what was served since the limit was changed, and lowered is when that last was to a lower one.
	served  int
	lowered time.Time
	// mean is how long a call takes, as a moving average that begins with firstMean.
	mean time.Duration
	// freeSince is when the last place that was wanting came free.
	freeSince time.Time
}

// firstMean is how long a call is taken to last until some have: those who come with the first are sent away one after the
// other, not to come back together.
const firstMean = time.Second

func newPlaces(most int) *places { return &places{most: most, limit: most, mean: firstMean} }

// adopt goes on with another number of places; a limit that is held down for failures stays so.
func (p *places) adopt(next *places) {
	if p.limit == p.most || p.limit > next.most {
		p.limit = next.most
	}
	p.most = next.most
}

func (p *places) take(now time.Time, idle time.Duration) bool {
	if p.taken >= p.limit || now.Sub(p.freeSince) < idle {
		return false
	}
	p.taken++
	return true
}

// ahead takes a place beyond the limit, if need be.
func (p *places) ahead(time.Time) { p.taken++ }

// again costs nothing: the two calls are not under way together.
func (p *places) again(time.Time) {}

func (p *places) wait(_ time.Time, n int) time.Duration {
	return time.Duration(max(0, p.taken+n-p.limit)) * p.between()
}

func (p *places) between() time.Duration { return p.mean / time.Duration(p.limit) }

// comes: who gives a place back says so, so nobody has to look.
func (p *places) comes(time.Time) time.Duration { return maxWait }

// back gives a place back. Calls that were under way together fail together: those that began before the limit was lowered
// say nothing of whether it is right.
func (p *places) back(now time.Time, took time.Duration, came result) {
	if p.taken >= p.limit {
		p.freeSince = now
	}
	p.taken--
	p.mean += (took - p.mean) / 8
	if !now.Add(-took).After(p.lowered) {
		return
	}
	switch came {
	case resultRefused:
		p.limit, p.served, p.lowered = 1, 0, now
	case resultFailed:
		p.limit, p.served, p.lowered = max(1, p.limit/2), 0, now
	case resultServed:
		p.served++
		if p.served >= p.limit && p.limit < p.most {
			p.limit, p.served = p.limit+1, 0
		}
	}
}
