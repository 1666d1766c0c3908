package openedx

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// pace gives turns at the speed of a budget.
type pace struct {
	limiter        *rate.Limiter
	callsPerMinute int
}

// newPace keeps to the budget in any minute, wherever it begins, as the LMS counts over a sliding one: what may go at
// once is taken out of the pace. Half of it is left for what goes ahead of its turn, as probes and follow-ups do. A budget too
// small to take something out of is spent evenly.
func newPace(callsPerMinute int) *pace {
	atOnce := callsPerMinute / 25
	return &pace{
		limiter:        rate.NewLimiter(rate.Limit(float64(callsPerMinute-atOnce)/60), max(1, (atOnce-1)/2)),
		callsPerMinute: callsPerMinute,
	}
}

// adopt goes on at another pace with what is left of the budget.
func (p *pace) adopt(next *pace, now time.Time) {
	p.limiter.SetLimitAt(now, next.limiter.Limit())
	p.limiter.SetBurstAt(now, next.limiter.Burst())
	p.callsPerMinute = next.callsPerMinute
}

func (p *pace) take(now time.Time, idle time.Duration) bool {
	if idle > 0 && p.limiter.TokensAt(now.Add(-idle)) < 1 {
		return false
	}
	return p.limiter.AllowN(now, 1)
}

// ahead spends a turn that is still to come, so that those who wait make up for it.
func (p *pace) ahead(now time.Time) { p.limiter.ReserveN(now, 1) }

func (p *pace) again(now time.Time) { p.ahead(now) }

func (p *pace) wait(now time.Time, n int) time.Duration {
	missing := float64(n) - p.limiter.TokensAt(now)
	return max(0, time.Duration(math.Ceil(missing*float64(p.between()))))
}

func (p *pace) between() time.Duration {
	return time.Duration(float64(time.Second) / float64(p.limiter.Limit()))
}

func (p *pace) comes(now time.Time) time.Duration { return p.wait(now, 1) }

func (p *pace) back(time.Time, time.Duration, result) {}
