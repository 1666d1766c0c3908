package ingest

import "sync"

// streams keeps one caller from taking all bulk requests that a replica has room for.
type streams struct {
	// most is how many one caller may have at a time.
	most int64

	mu sync.Mutex
	// underWay counts those of each caller who has any.
	underWay map[string]int64
}

// newStreams leaves a caller a quarter of all, but at least one.
func newStreams(all int64) *streams {
	return &streams{most: max(1, all/4), underWay: map[string]int64{}}
}

// begin counts a bulk request until end is called, unless the caller has too many.
func (s *streams) begin(caller string) (end func(), begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[caller] >= s.most {
		return nil, false
	}
	s.underWay[caller]++
	return func() { s.end(caller) }, true
}

func (s *streams) end(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay[caller]--
	if s.underWay[caller] == 0 {
		delete(s.underWay, caller)
	}
}
