package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// clockPath is where the clock of the sandbox is read, and set to another time with PUT. The LMS has nothing there.
const clockPath = "/sandbox/clock"

// movedClock is the system's clock, moved. What it is set to is where it goes on from.
type movedClock struct {
	clock.RealClock
	ahead atomic.Int64 // by so many nanoseconds
}

func (c *movedClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *movedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// ServeHTTP answers with the time, RFC 3339, after it was set to the one that came, if one did.
func (c *movedClock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 100)) // not read: no time
		wanted, err := time.Parse(time.RFC3339, strings.TrimSpace(string(body)))
		if err != nil {
			http.Error(w, "the body is no time like 2026-12-31T23:59:58Z", http.StatusBadRequest)
			return
		}
		c.ahead.Store(int64(time.Until(wanted)))
	}
	_, _ = fmt.Fprintln(w, c.Now().UTC().Format(time.RFC3339)) // the caller went away
}
