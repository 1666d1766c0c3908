package openedxtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// journalLength is how many calls are remembered; it keeps a sandbox that runs for days small.
const journalLength = 100_000

// Call is a call the server had.
type Call struct {
	Method string
	Path   string // as sent, without the query
	Query  string // as sent, undecoded
	// Route is Path with its variable parts named, as "/api/user/v1/accounts/{username}"; "" where there is nothing.
	Route string
	// RequestID and Traceparent are the headers that say what caused it; empty where they were not sent.
	RequestID, Traceparent string
	// Time is when it came.
	Time time.Time
	// Status is what was, or if it did not arrive would have been, answered; 0 if a fault broke the connection.
	Status int
}

// mutates tells whether a call is meant to change something on the platform.
func (c Call) mutates() bool {
	switch {
	case c.Method == http.MethodGet, c.Method == http.MethodHead, c.Method == http.MethodOptions:
		return false
	case strings.HasPrefix(c.Path, "/oauth2/"), strings.HasSuffix(c.Path, "/search_emails"):
		return false
	}
	return true
}

type journal struct {
	calls  []Call
	writes int
}

func (s *Server) record(r *http.Request, found *route, begin time.Time, status int) {
	c := Call{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		RequestID: r.Header.Get("X-Request-ID"), Traceparent: r.Header.Get("Traceparent"), Time: begin, Status: status}
	if found != nil {
		c.Route = found.name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.mutates() {
		s.journal.writes++
	}
	s.journal.calls = append(s.journal.calls, c)
	if n := len(s.journal.calls); n > 2*journalLength {
		s.journal.calls = slices.Clone(s.journal.calls[n-journalLength:])
	}
}

// Calls are the calls that were answered or failed so far, oldest first; only the latest 100,000 are sure to be there.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal.calls)
}

// ResetCalls forgets the calls so far, and counts writes from zero.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = journal{}
}

// Settle waits until no call is being answered, such as one that a caller gave up.
func (s *Server) Settle() {
	s.serving.Lock()
	defer s.serving.Unlock()
}

// Writes is how many calls there were that were meant to change something, whether or not they did.
// Taking a token and searching for addresses are none.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.writes
}
