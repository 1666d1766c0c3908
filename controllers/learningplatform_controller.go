package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	// probeInterval is how often a healthy platform is looked at.
	probeInterval = 5 * time.Minute
	// probeGap is the least time between two probes of a platform that is found well. It is shorter than platformRecheck, so
	// that an object that found it unwell comes back after the probe.
	probeGap = 5 * time.Second
	// firstProbe and lastProbe bound the wait while it is not: a quarter of the outage so far.
	firstProbe, lastProbe = time.Second, time.Minute
)

// learningPlatformReconciler checks that an LMS can be used, and tells which routes it offers.
type learningPlatformReconciler struct{ reconciler }

// +kubebuilder:rbac:groups=rollcall.dev,resources=learningplatforms,verbs=get;list;watch
// +kubebuilder:rbac:groups=rollcall.dev,resources=learningplatforms/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

func (r *learningPlatformReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("learningplatform").
		WithOptions(r.options(1)).
		For(&v1alpha1.LearningPlatform{}, builder.WithPredicates(specOrRequest())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret)).
		WatchesRawSource(source.Channel(r.platforms.suspects, &handler.EnqueueRequestForObject{})).
		Complete(r)
}

// Reconcile probes the platform.
func (r *learningPlatformReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	platform := &v1alpha1.LearningPlatform{}
	if err := r.Get(ctx, request.NamespacedName, platform); err != nil {
		r.platforms.forget(request.NamespacedName)
		forgetDrift(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := platform.DeepCopy()
	o, err := r.probe(ctx, platform)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.showDrift(ctx, platform); err != nil {
		return ctrl.Result{}, err
	}
	result, err := r.finish(ctx, before, platform, o.sooner(r.showRefusals(platform)))
	if err == nil {
		r.announceRefusals(before, platform)
	}
	return result, err
}

func (r *learningPlatformReconciler) probe(ctx context.Context, platform *v1alpha1.LearningPlatform) (outcome, error) {
	if _, err := time.LoadLocation(platform.Spec.TimeZone); err != nil {
		return stalled(v1alpha1.ReasonInvalidTimeZone, "spec.timeZone is not in the IANA time zone database.", 0), nil //nolint:nilerr // The outcome says it.
	}
	found, wellAt, err := r.askLMS(ctx, platform)
	failure, classified := errors.AsType[*lms.Error](err)
	switch {
	case ctx.Err() != nil:
		return outcome{}, ctx.Err()
	case classified:
		return r.unwell(platform, failure), nil
	case err != nil:
		return outcome{}, err // It is not the LMS's fault.
	case found == nil:
		ready := readyOf(platform)
		after := max(probeGap-r.clock.Since(wellAt), time.Millisecond)
		return outcome{standing: v1alpha1.ConditionReady, reason: ready.Reason, message: ready.Message, after: after}, nil
	}
	r.platforms.foundWell(platform, r.clock.Now())
	return connected(&platform.Status, *found), nil
}

// askLMS probes the platform, unless it was found well a moment ago and nothing about it has changed: learners' calls
// that fail one after the other do not make for as many probes.
func (r *learningPlatformReconciler) askLMS(ctx context.Context, platform *v1alpha1.LearningPlatform) (found *lms.Capabilities, wellAt time.Time, err error) {
	connection, err := r.platforms.to(ctx, platform)
	if err != nil {
		return nil, time.Time{}, err
	}
	if wellAt = r.platforms.wellAt(platform); isKnownReady(platform) && !checkRequested(platform) && r.clock.Since(wellAt) < probeGap {
		return nil, wellAt, nil
	}
	capabilities, err := connection.Probe(ctx)
	return &capabilities, wellAt, err
}

// isKnownReady says whether the platform is Ready as its spec is now.
func isKnownReady(platform *v1alpha1.LearningPlatform) bool {
	return isReady(&platform.Status.ObjectStatus) && platform.Status.ObservedGeneration == platform.Generation
}

func connected(status *v1alpha1.LearningPlatformStatus, found lms.Capabilities) outcome {
	status.ServiceUser = found.ServiceUser
	status.EoxCoreVersion = found.EoxCoreVersion
	status.BulkEnroll = found.BulkEnroll
	status.AccountRoute = v1alpha1.AccountRoute(found.AccountRoute)
	status.EnrollmentRoute = v1alpha1.EnrollmentRoute(found.EnrollmentRoute)
	return outcome{standing: v1alpha1.ConditionReady, reason: v1alpha1.ReasonConnected,
		message: fmt.Sprintf("The LMS answers. Accounts are made by %s, enrollments by %s.", found.AccountRoute, found.EnrollmentRoute),
		after:   wait.Jitter(probeInterval, jitter)}
}

// unwell reports a probe that failed. A throttle says nothing against the platform, and what needs a person is looked at
// now and then all the same, since it may have been mended on the LMS.
func (r *learningPlatformReconciler) unwell(platform *v1alpha1.LearningPlatform, failure *lms.Error) outcome {
	ready := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case failure.Class == lms.Throttled && isKnownReady(platform):
		return outcome{standing: v1alpha1.ConditionReady, reason: ready.Reason, message: ready.Message,
			after: max(failure.RetryAfter, lastProbe), unchecked: true}
	case failure.Class == lms.Throttled:
		return working(v1alpha1.ReasonThrottled, failure.Message, max(failure.RetryAfter, firstProbe))
	case failure.Class == lms.Fatal:
		return stalled(failure.Reason, failure.Message, wait.Jitter(lastProbe, jitter))
	}
	after := firstProbe
	if ready != nil && !isReady(&platform.Status.ObjectStatus) {
		after = min(max(r.clock.Since(ready.LastTransitionTime.Time)/4, firstProbe), lastProbe)
	}
	return working(failure.Reason, failure.Message, wait.Jitter(pause(failure, after), jitter))
}

func (r *learningPlatformReconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	var list v1alpha1.LearningPlatformList
	if err := r.List(ctx, &list, client.InNamespace(secret.GetNamespace())); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(platform *v1alpha1.LearningPlatform) bool {
		return platform.Spec.CredentialsSecretRef.Name == secret.GetName()
	})
}
