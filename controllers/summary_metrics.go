package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
)

var removalsHeld = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "rollcall_removals_held",
	Help: "Withdrawals that are held until somebody releases them, by platform.",
}, []string{"platform"})

func init() {
	metrics.Registry.MustRegister(removalsHeld)
}

func showRemovals(platform *v1alpha1.LearningPlatform) {
	removalsHeld.WithLabelValues(client.ObjectKeyFromObject(platform).String()).Set(float64(platform.Status.Removals.Held))
}

// forgetRemovals ends the metric of a platform that is gone.
func forgetRemovals(platform types.NamespacedName) {
	removalsHeld.DeleteLabelValues(platform.String())
}
