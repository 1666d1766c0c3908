package ingest

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/middleware"
	"rollcall.dev/rollcall/webhook/problem"
)

// refusalReasons are the problems that refuse a caller, whatever they send, and how metrics and log call them.
var refusalReasons = map[string]string{
	"/problems/unauthenticated":   "unauthenticated",
	"/problems/forbidden":         "forbidden",
	"/problems/too-many-requests": "rate_limited",
	"/problems/overloaded":        "overloaded",
}

var refusedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "rollcall_ingest_refused_total",
	Help: "Requests whose caller was refused, by reason: unauthenticated, forbidden, rate_limited or overloaded.",
}, []string{"reason"})

func init() {
	metrics.Registry.MustRegister(refusedTotal)
	for _, reason := range refusalReasons {
		refusedTotal.WithLabelValues(reason) // a counter that is there from the start shows its first increase
	}
}

const (
	// refusalLinesPerSecond and refusalLinesBurst are how many lines the log gets for one reason. The counter has them all.
	refusalLinesPerSecond = 10
	refusalLinesBurst     = 100
)

// refusalLog counts and logs whom the door turns away. Nothing of the credential is logged.
type refusalLog struct {
	lines *doors.Rates
}

func newRefusalLog() *refusalLog {
	return &refusalLog{lines: doors.NewRates(refusalLinesPerSecond, refusalLinesBurst)}
}

// note keeps a problem in mind, if it refuses the caller.
func (l *refusalLog) note(r *http.Request, p *problem.Problem) {
	reason, ok := refusalReasons[p.Type]
	if !ok {
		return
	}
	refusedTotal.WithLabelValues(reason).Inc()
	if l.lines.Of(reason).Allow() {
		ctrl.LoggerFrom(r.Context()).Info("Refused a caller", "reason", reason, "remote", remoteAddress(r).String(),
			"method", r.Method, "route", middleware.RouteInside(r))
	}
}
