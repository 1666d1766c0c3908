package openedx

import (
	"net/http"
	"strconv"
	"time"
)

const (
	// minRetryAfter keeps "0" and dates just gone by from becoming a storm.
	minRetryAfter = time.Second
	// maxRetryAfter is more than any throttle of the LMS. What asks for longer is a mistake, and would stop all work.
	maxRetryAfter = 24 * time.Hour
)

// parseRetryAfter reads a Retry-After header, which is a number of seconds or a date. It gives 0 when there is none that
// makes sense.
func parseRetryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	} else {
		return 0
	}
	if wait > maxRetryAfter {
		return 0
	}
	return max(wait, minRetryAfter)
}
