package openedx

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_lms_requests_total",
		Help: "Calls to the LMS, by kind of call and HTTP status; status is none when no answer came.",
	}, []string{"call", "status"})

	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rollcall_lms_request_duration_seconds",
		Help:    "Time until the LMS had answered, by kind of call.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"call"})
)

func init() {
	metrics.Registry.MustRegister(requests, durations)
}

func observe(c call, status int, took time.Duration) {
	label := "none"
	if status != noAnswer {
		label = strconv.Itoa(status)
	}
	requests.WithLabelValues(string(c), label).Inc()
	durations.WithLabelValues(string(c)).Observe(took.Seconds())
}
