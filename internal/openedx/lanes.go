package openedx

import (
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/internal/lms"
)

// newLanes gives every call its lane: the endpoints that share the LMS's throttle share one, the rest have one each.
func newLanes(callsPerMinute int, clock clock.Clock) map[call]*lane {
	shared := &lane{clock: clock, limiter: newLimiter(callsPerMinute), first: firstBackoff}
	lanes := make(map[call]*lane, len(calls))
	for _, c := range calls {
		switch c {
		case callRoles, callReadEnrollment, callWriteEnrollment, callPreEnroll, callCancelPreEnroll:
			lanes[c] = shared
		case callToken:
			lanes[c] = &lane{clock: clock, first: firstTokenBackoff}
		default:
			lanes[c] = &lane{clock: clock, first: firstBackoff}
		}
	}
	return lanes
}

// newLimiter keeps to the budget in any minute, wherever it begins, as the LMS counts over a sliding one: what may go at
// once is taken out of the pace. One of it is left for a probe, which goes ahead of its turn. A budget too small to take
// something out of is spent evenly.
func newLimiter(callsPerMinute int) *rate.Limiter {
	atOnce := callsPerMinute / 25
	return rate.NewLimiter(rate.Limit(float64(callsPerMinute-atOnce)/60), max(1, atOnce-1))
}

// Inherit goes on with the spent budget and the shut gates of the client that this one replaces, where that called the
// same LMS as the same user: there the counting goes on, whatever changed here. It has to come before the first call.
func (c *Client) Inherit(from lms.Platform) {
	before, ok := from.(*Client)
	if !ok || before.base.String() != c.base.String() || before.credentials.config.ClientID != c.credentials.config.ClientID {
		return
	}
	limiter, pace, now := before.lanes[callRoles].limiter, c.lanes[callRoles].limiter, c.clock.Now()
	limiter.SetLimitAt(now, pace.Limit())
	limiter.SetBurstAt(now, pace.Burst())
	c.lanes = before.lanes
}
