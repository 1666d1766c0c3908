package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/brakes"
)

// summaryGap is the least time between two looks at what changes with every learner.
const summaryGap = 2 * time.Second

// summaryReconciler shows on a platform what its learners add up to, and lets held withdrawals go when somebody says so. Its
// part of the status is its own, so that neither a probe nor a sum waits for the other.
type summaryReconciler struct {
	reconciler
	brakes   *brakes.Brakes
	observed observations
}

func (r *summaryReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("summary").
		WithOptions(r.options(1)).
		For(&v1alpha1.LearningPlatform{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, releaseRequest()))).
		Watches(&v1alpha1.Contact{}, eachChange(r.saw)).
		Watches(&v1alpha1.Enrollment{}, eachChange(r.saw)).
		Complete(r)
}

// saw takes note of a change of a learner, and has the platform looked at if that shows there.
func (r *summaryReconciler) saw(was, is object, queue requestQueue) {
	before, _ := was.(*v1alpha1.Enrollment)
	now, _ := is.(*v1alpha1.Enrollment)
	shows := r.observed.saw(was, is)
	if before != nil || now != nil {
		shows = r.brakes.Saw(before, now) || shows
	}
	if !shows {
		return
	}
	for _, o := range []object{was, is} {
		if o != nil && platformOf(o).Name != "" {
			queue.AddAfter(reconcile.Request{NamespacedName: platformOf(o)}, summaryGap)
		}
	}
}

// eachChange tells of every change, with what was and what is; nil is what is not there.
func eachChange(tell func(was, is object, queue requestQueue)) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue requestQueue) { tell(nil, e.Object.(object), queue) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue requestQueue) {
			tell(e.ObjectOld.(object), e.ObjectNew.(object), queue)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue requestQueue) { tell(e.Object.(object), nil, queue) },
	}
}

// releaseRequest lets through a platform when somebody wants to release withdrawals.
func releaseRequest() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetAnnotations()[v1alpha1.ReleaseRemovalsAnnotation] != e.ObjectNew.GetAnnotations()[v1alpha1.ReleaseRemovalsAnnotation]
	}}
}

// Reconcile releases what somebody agreed to, and writes the sums. All Enrollments were seen before its first visit, so that
// from then on withdrawals may be made.
func (r *summaryReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	platform := &v1alpha1.LearningPlatform{}
	if err := r.Get(ctx, request.NamespacedName, platform); err != nil {
		if apierrors.IsNotFound(err) {
			r.brakes.Forget(request.NamespacedName)
			forgetRemovals(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := platform.DeepCopy()
	isFirst := r.brakes.Open(platform)
	announcements := r.release(platform, isFirst)
	sum, after := r.brakes.Sum(platform)
	platform.Status.Removals, platform.Status.Observed = *sum, r.observed.sum(platform)
	announcements = append(announcements, r.showHeld(platform)...)

	showRemovals(platform)
	if err := r.writeSums(ctx, before, platform); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	for _, a := range announcements {
		r.recorder.Eventf(platform, nil, a.severity, a.reason, "LimitRemovals", "%s", a.message)
	}
	return ctrl.Result{RequeueAfter: after}, nil
}

// writeSums applies the sums as this controller's part of the status, if they changed.
func (r *summaryReconciler) writeSums(ctx context.Context, before, after *v1alpha1.LearningPlatform) error {
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return nil
	}
	sums := &v1alpha1.LearningPlatform{}
	sums.Namespace, sums.Name, sums.UID = after.Namespace, after.Name, after.UID
	sums.Status.Removals, sums.Status.Observed = after.Status.Removals, after.Status.Observed
	if held := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionRemovalsHeld); held != nil {
		sums.Status.Conditions = append(sums.Status.Conditions, *held)
	}
	if err := r.applyStatus(ctx, sums); err != nil {
		return fmt.Errorf("cannot write the sums of the LearningPlatform: %w", err)
	}
	return nil
}

// withoutSums gives the part of an object's status that belongs to its own controller, and not to one that sums up, or sweeps.
func withoutSums(o object) object {
	switch o := o.DeepCopyObject().(type) {
	case *v1alpha1.LearningPlatform:
		status := &o.Status
		status.Removals, status.Observed, status.AccountSweep = v1alpha1.RemovalsStatus{}, v1alpha1.ObservedStatus{}, v1alpha1.AccountSweep{}
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionRemovalsHeld)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionSSOLinksUnknown)
		return o
	case *v1alpha1.Contact:
		meta.RemoveStatusCondition(&o.Status.Conditions, v1alpha1.ConditionSSOLinked)
		return o
	case *v1alpha1.Enrollment:
		o.Status.Grade = v1alpha1.Grade{}
		return o
	}
	return o
}
