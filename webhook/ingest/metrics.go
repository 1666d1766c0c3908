package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/webhook/middleware"
)

var (
	requests = middleware.NewMetrics("ingest")

	documentsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_ingest_documents_total",
		Help: "Documents that were sent, dry runs left out, by outcome: created, replaced, unchanged, conflict (stored too), or what they were refused for.",
	}, []string{"outcome"})
)

func init() {
	metrics.Registry.MustRegister(documentsTotal)
}
