package openedxtest

import (
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const throttleWindow = time.Minute

// rate is how many calls a minute a view takes of staff and of others, as divisors of the configured throttle:
// that is what enrollment takes of staff.
type rate struct{ staff, others int }

var (
	enrollmentRate = rate{staff: 1, others: 3} // 120 and 40 of the real platform
	courseListRate = rate{staff: 3, others: 6} // 40 and 20
)

// throttled counts a call against its caller's budget of the last minute, unless there is nothing left of it.
// All views share one count for a caller, whatever each allows: who has used much of a high limit is beyond a low one,
// and then the platform cannot even say how long to wait, which is a wait of zero. A refused call is not counted.
func (c *call) throttled(r rate) (wait time.Duration, tooFast bool) {
	if c.perMinute == 0 || r == (rate{}) {
		return 0, false
	}
	key, divisor := "address "+c.address(), r.others
	switch {
	case c.caller == nil && c.request.Header.Get("Authorization") != "":
		// Course details do not ask who is calling, but only strangers were ever refused.
		return 0, false
	case c.caller != nil:
		key = fmt.Sprintf("user %d", c.caller.id)
		if c.caller.staff {
			key, divisor = "staff "+key, r.staff
		}
	}
	limit := max(1, c.perMinute/divisor)
	now := c.clock.Now()
	calls := c.calls[key]
	for len(calls) > 0 && !calls[0].After(now.Add(-throttleWindow)) {
		calls = calls[1:]
	}
	c.calls[key] = calls
	if len(calls) < limit {
		c.calls[key] = append(calls, now)
		return 0, false
	}
	if len(calls) > limit {
		return 0, true
	}
	return throttleWindow - now.Sub(calls[0]), true
}

// address is where a call comes from.
func (c *call) address() string {
	host, _, err := net.SplitHostPort(c.request.RemoteAddr)
	if err != nil {
		return c.request.RemoteAddr
	}
	return host
}

// rateLimit is a limit in the words of the settings, "60/7d": so many in such a time.
type rateLimit struct {
	count  int
	period time.Duration
}

// maxPeriods keeps the product of number and unit within what a Duration holds.
const maxPeriods = 100_000

func parseRateLimit(s string) (rateLimit, error) {
	count, period, found := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	if !found || err != nil || period == "" {
		return rateLimit{}, fmt.Errorf("%q is no rate limit like 60/7d", s)
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit := units[period[len(period)-1]]
	times := 1
	if digits := period[:len(period)-1]; digits != "" {
		times, err = strconv.Atoi(digits)
	}
	if unit == 0 || err != nil || times < 1 || times > maxPeriods {
		return rateLimit{}, fmt.Errorf("%q is no rate limit like 60/7d", s)
	}
	return rateLimit{count: n, period: time.Duration(times) * unit}, nil
}

// exceeded counts a call of an address in a fixed window, refused ones too. Windows of different addresses begin at different times.
func (c *call) exceeded(what string, limit rateLimit) bool {
	period := int64(limit.period.Seconds())
	now := c.clock.Now().Unix()
	end := now - now%period + int64(crc32.ChecksumIEEE([]byte(c.address())))%period
	if end < now {
		end += period
	}
	key := what + " " + c.address()
	window := c.windows[key]
	if window.end != end {
		window = fixedWindow{end: end}
	}
	window.count++
	c.windows[key] = window
	return window.count > limit.count
}

type fixedWindow struct {
	end   int64 // Unix time
	count int
}

// tokenLimit refuses token requests beyond the throttle, by address and with a page.
func tokenLimit(next handler) handler {
	return func(c *call) answer {
		if c.perMinute > 0 && c.exceeded("token", rateLimit{count: c.perMinute, period: throttleWindow}) {
			return page(http.StatusTooManyRequests)
		}
		return next(c)
	}
}
