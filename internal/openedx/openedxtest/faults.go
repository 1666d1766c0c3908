package openedxtest

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Match says which calls a fault is for.
type Match struct {
	Method string // "" is any
	// Path begins the path of the calls, "" that of all.
	Path string
	// Query is part of the query of the calls, "" of that of all; and Body of their bodies.
	Query, Body string
}

func (m Match) takes(r *http.Request, body []byte) bool {
	return (m.Method == "" || m.Method == r.Method) && strings.HasPrefix(r.URL.Path, m.Path) &&
		strings.Contains(r.URL.RawQuery, m.Query) && bytes.Contains(body, []byte(m.Body))
}

// Fault is what happens to a call instead of an answer. Exactly one of Status, Reset and Hang should be set;
// with Lost alone the connection is reset.
type Fault struct {
	// Status is answered with a page, or for 429 as the platform refuses too many calls.
	Status int
	// RetryAfter goes with Status; 0 sends no such header. It is rounded up to seconds.
	RetryAfter time.Duration
	// Reset breaks the connection.
	Reset bool
	// Hang lets the caller wait until it gives up, or the fault is cleared.
	Hang bool
	// Lost does the work first: the caller cannot tell, and the change is there.
	Lost bool
	// Times is how many calls it happens to; 0 is all until ClearFaults.
	Times int
}

// faults are those in force.
type faults struct {
	armed   []armedFault
	cleared chan struct{} // closed when the faults now in force are cleared
	down    bool
	latency time.Duration
}

type armedFault struct {
	match Match
	fault Fault
	times int
}

// Fail makes matching calls fail. Of several faults for a call the one set first happens.
func (s *Server) Fail(match Match, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.cleared == nil {
		s.faults.cleared = make(chan struct{})
	}
	s.faults.armed = append(s.faults.armed, armedFault{match: match, fault: fault, times: fault.Times})
}

// ClearFaults ends all faults and lets go of calls that hang. SetDown and SetLatency stay.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.cleared != nil {
		close(s.faults.cleared)
	}
	s.faults.armed, s.faults.cleared = nil, nil
}

// SetDown makes every call answer 503 with a page, as a proxy does in front of a platform that is not there.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.down = down
}

// SetLatency makes every call take so much longer.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.latency = d
}

// faultHit is the fault that happens to one call, if any.
type faultHit struct {
	Fault
	hit     bool
	cleared <-chan struct{}
}

func (s *Server) takeFault(r *http.Request, body []byte) faultHit {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.down {
		return faultHit{hit: true, Fault: Fault{Status: http.StatusServiceUnavailable}}
	}
	for i := range s.faults.armed {
		armed := &s.faults.armed[i]
		if !armed.match.takes(r, body) {
			continue
		}
		hit := faultHit{hit: true, Fault: armed.fault, cleared: s.faults.cleared}
		if armed.times > 0 {
			if armed.times--; armed.times == 0 {
				s.faults.armed = append(s.faults.armed[:i:i], s.faults.armed[i+1:]...)
			}
		}
		return hit
	}
	return faultHit{}
}

// replaces tells whether the fault happens instead of the work.
func (f faultHit) replaces() bool { return f.hit && !f.Lost }

func (f faultHit) answer() answer {
	if f.Status == 0 {
		return answer{}
	}
	a := page(f.Status)
	if f.Status == http.StatusTooManyRequests {
		a = jsonAnswer(f.Status, object{"detail": throttleRefusal(f.RetryAfter).detail})
	}
	if f.RetryAfter > 0 {
		a = a.with("Retry-After", strconv.Itoa(seconds(f.RetryAfter)))
	}
	return a
}

// deliver does what the fault does to the connection, and tells whether an answer can be written.
func (f faultHit) deliver(w http.ResponseWriter, r *http.Request) bool {
	if !f.hit || f.Status != 0 {
		return true
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-f.cleared:
		}
	}
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, isTCP := conn.(*net.TCPConn); isTCP {
			_ = tcp.SetLinger(0) // makes Close reset the connection
		}
		_ = conn.Close()
		return false
	}
	panic(http.ErrAbortHandler) // also breaks the connection
}
