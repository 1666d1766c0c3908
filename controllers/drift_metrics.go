package controllers

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
)

var driftDifferences = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "rollcall_drift_differences",
	Help: "Differences between the LMS and what was sold, as the last sweeps found them, by platform and kind.",
}, []string{"platform", "kind"})

func init() {
	metrics.Registry.MustRegister(driftDifferences)
}

// showDrift sums up, for the metrics, what the last sweeps of the platform's accounts and courses found.
func (r *learningPlatformReconciler) showDrift(ctx context.Context, platform *v1alpha1.LearningPlatform) error {
	var list v1alpha1.CourseList
	if err := r.List(ctx, &list, client.InNamespace(platform.Namespace), uncopied); err != nil {
		return fmt.Errorf("cannot list the courses: %w", err)
	}
	sums := map[string]int32{}
	for i := range list.Items {
		if list.Items[i].Spec.PlatformRef.Name != platform.Name {
			continue
		}
		found := &list.Items[i].Status.Sweep
		sums["missing"] += ptr.Deref(found.Missing, 0)
		sums["other_mode"] += ptr.Deref(found.OtherMode, 0)
		sums["overdue"] += ptr.Deref(found.Overdue, 0)
		sums["unsold"] += ptr.Deref(found.Unsold, 0)
		sums["stranger"] += ptr.Deref(found.Strangers, 0)
	}
	accounts := &platform.Status.AccountSweep
	sums["account_missing"] = ptr.Deref(accounts.Missing, 0)
	sums["account_inactive"] = ptr.Deref(accounts.Inactive, 0)
	sums["account_changed"] = ptr.Deref(accounts.Changed, 0)
	for kind, sum := range sums {
		driftDifferences.WithLabelValues(client.ObjectKeyFromObject(platform).String(), kind).Set(float64(sum))
	}
	return nil
}

// forgetDrift ends the metrics of a platform that is gone.
func forgetDrift(platform types.NamespacedName) {
	driftDifferences.DeletePartialMatch(prometheus.Labels{"platform": platform.String()})
}
