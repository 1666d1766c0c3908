package doors

import (
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// Rates gives each key a rate of its own. It remembers the keys that were asked for last, so that it stays small whoever
// asks; a key that is forgotten begins with its whole burst again.
type Rates struct {
	perSecond rate.Limit
	burst     int

	mu       sync.Mutex
	limiters *lru.Cache
}

// rememberedKeys is how many keys have a rate at a time.
const rememberedKeys = 4096

// NewRates gives each key the same rate.
func NewRates(perSecond rate.Limit, burst int) *Rates {
	return &Rates{perSecond: perSecond, burst: burst, limiters: lru.New(rememberedKeys)}
}

// Of gives the limiter of a key.
func (r *Rates) Of(key string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.limiters.Get(key); ok {
		return known.(*rate.Limiter)
	}
	limiter := rate.NewLimiter(r.perSecond, r.burst)
	r.limiters.Add(key, limiter)
	return limiter
}
