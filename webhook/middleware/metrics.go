package middleware

import (
	"io"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Metrics count the requests of one door.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	received  prometheus.Counter
	sent      prometheus.Counter
}

// NewMetrics registers the metrics of a door, whose name is the second word of theirs: rollcall_DOOR_requests_total.
func NewMetrics(door string) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "rollcall", Subsystem: door, Name: "requests_total",
			Help: "Requests, by route, method and HTTP status; status is none when the connection was cut before the answer.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "rollcall", Subsystem: door, Name: "request_duration_seconds",
			Help:    "Time from the header of a request to the end of its answer, by route and method.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "rollcall", Subsystem: door, Name: "in_flight_requests",
			Help: "Requests that are being served.",
		}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "rollcall", Subsystem: door, Name: "received_bytes_total",
			Help: "Length of the bodies of requests, as far as they were read.",
		}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "rollcall", Subsystem: door, Name: "sent_bytes_total",
			Help: "Length of the bodies of answers.",
		}),
	}
	metrics.Registry.MustRegister(m.requests, m.durations, m.inFlight, m.received, m.sent)
	return m
}

// Count counts each request that next serves.
func (m *Metrics) Count(route Route, next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerInFlight(m.inFlight, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := methodOf(r), route(r)
		timer := prometheus.NewTimer(m.durations.WithLabelValues(path, method))
		r.Body = &countedBody{r.Body, m.received}
		watch(next, &countedWriter{w, m.sent}, r, func(status int) {
			timer.ObserveDuration()
			m.requests.WithLabelValues(path, method, statusText(status)).Inc()
		})
	}))
}

func statusText(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

// countedBody counts what is read, so that a long body is seen while it comes.
type countedBody struct {
	io.ReadCloser
	bytes prometheus.Counter
}

// Read counts what it reads.
func (b *countedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.bytes.Add(float64(n))
	return n, err
}

// countedWriter counts what is written.
type countedWriter struct {
	http.ResponseWriter
	bytes prometheus.Counter
}

// Write counts what it writes.
func (w *countedWriter) Write(body []byte) (int, error) {
	n, err := w.ResponseWriter.Write(body)
	w.bytes.Add(float64(n))
	return n, err
}

// Unwrap gives http.ResponseController what is below.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
