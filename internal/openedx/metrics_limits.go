package openedx

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/internal/lms"
)

// What limits calls, as the label limit has it: the budget, the number of calls in flight, or that of accounts that are made
// by registration.
const (
	limitBudget        = "budget"
	limitInFlight      = "in_flight"
	limitRegistrations = "registrations"
)

var (
	turnsTaken = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_lms_turns_total",
		Help: "Calls that got their turn, by what limits them and by lane; probes are left out.",
	}, []string{"platform", "limit", "lane"})

	turnsDenied = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_lms_sent_away_total",
		Help: "Calls that would have waited for their turn for longer than a second and were told when to come back.",
	}, []string{"platform", "limit", "lane"})

	waitingCalls  = gaugeOf("rollcall_lms_waiting_calls", "Calls that wait for their turn, for a second at most.", "limit", "lane")
	oldestWait    = gaugeOf("rollcall_lms_oldest_wait_seconds", "How long the first of them has waited.", "limit")
	promisedTurns = gaugeOf("rollcall_lms_promised_seconds", "How far ahead turns are promised to calls that were sent away.", "limit", "lane")
	budget        = gaugeOf("rollcall_lms_budget_calls_per_minute", "The budget for the calls that the LMS throttles.")
	inFlight      = gaugeOf("rollcall_lms_calls_in_flight", "Calls under way that are not of the budget.", "limit")
	inFlightLimit = gaugeOf("rollcall_lms_calls_in_flight_limit", "How many of them may be under way at present.", "limit")
	gateShut      = gaugeOf("rollcall_lms_gate_shut", "1 while the LMS refuses calls of a kind, else 0.", "calls")
)

func gaugeOf(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"platform"}, labels...), nil)
}

func init() {
	metrics.Registry.MustRegister(turnsTaken, turnsDenied, limits)
}

// queueCounts are a queue's counters, by lane.
type queueCounts struct {
	admitted, sentAway [lms.Background + 1]prometheus.Counter
}

func newQueueCounts(platform, limit string) (counts queueCounts) {
	for l := range lms.Background + 1 {
		counts.admitted[l] = turnsTaken.WithLabelValues(platform, limit, l.String())
		counts.sentAway[l] = turnsDenied.WithLabelValues(platform, limit, l.String())
	}
	return counts
}

// admit counts a call that did not line up for its turn.
func (c queueCounts) admit(ctx context.Context) {
	if !isProbe(ctx) {
		c.admitted[lms.LaneOf(ctx)].Inc()
	}
}

// limits tells how the limits of each platform stand, when it is asked.
var limits = &limitsCollector{clients: map[string]*Client{}}

type limitsCollector struct {
	mu      sync.Mutex
	clients map[string]*Client // by the platform's name
}

// show has a client's limits shown, instead of those of an earlier one with its name.
func (l *limitsCollector) show(c *Client) {
	if c.name == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients[c.name] = c
}

// Close ends the client's metrics, as its platform is gone. Calls that are under way come to their end.
func (c *Client) Close() error {
	limits.mu.Lock()
	defer limits.mu.Unlock()
	if limits.clients[c.name] != c {
		return nil
	}
	delete(limits.clients, c.name)
	for _, counter := range []*prometheus.CounterVec{turnsTaken, turnsDenied} {
		counter.DeletePartialMatch(prometheus.Labels{"platform": c.name})
	}
	return nil
}

// Describe lists the metrics.
func (l *limitsCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{waitingCalls, oldestWait, promisedTurns, budget, inFlight, inFlightLimit, gateShut} {
		descriptions <- description
	}
}

// Collect tells the metrics of all clients.
func (l *limitsCollector) Collect(told chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for platform, c := range l.clients {
		tell := func(description *prometheus.Desc, value float64, labels ...string) {
			told <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, append([]string{platform}, labels...)...)
		}
		c.tellLimits(tell)
	}
}

func (c *Client) tellLimits(tell func(*prometheus.Desc, float64, ...string)) {
	t, now := c.throttles, c.clock.Now()
	t.enrollments.queue.tell(limitBudget, now, tell, func() {
		tell(budget, float64(t.pace.callsPerMinute))
	})
	tellPlaces := func(limit string, queue *queue, places *places) {
		queue.tell(limit, now, tell, func() {
			tell(inFlight, float64(places.taken), limit)
			tell(inFlightLimit, float64(places.limit), limit)
		})
	}
	tellPlaces(limitInFlight, t.others.queue, t.inFlight)
	tellPlaces(limitRegistrations, t.registrations.queue, t.registering)
	for _, throttle := range t.all() {
		shut := 0.0
		if throttle.gate.isShut(now) {
			shut = 1
		}
		tell(gateShut, shut, throttle.about)
	}
}

// tell tells who waits, and what else the queue's lock guards.
func (q *queue) tell(limit string, now time.Time, tell func(*prometheus.Desc, float64, ...string), also func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := now
	for l := range q.lanes {
		lane, name := &q.lanes[l], lms.Lane(l).String()
		tell(waitingCalls, float64(len(lane.waiting)), limit, name)
		tell(promisedTurns, max(0, lane.promised.Sub(now).Seconds()), limit, name)
		for _, w := range lane.waiting[:min(1, len(lane.waiting))] {
			if w.since.Before(oldest) {
				oldest = w.since
			}
		}
	}
	tell(oldestWait, now.Sub(oldest).Seconds(), limit)
	also()
}
