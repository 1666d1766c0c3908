package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
	applyv1alpha1 "rollcall.dev/rollcall/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

// object is what every kind of this API offers.
type object interface {
	client.Object
	GetObjectStatus() *v1alpha1.ObjectStatus
}

// reconciler is what the reconcilers of all kinds share.
type reconciler struct {
	client.Client
	platforms *platforms
	drift     *drift
	recorder  events.EventRecorder
	clock     clock.PassiveClock
	// troubles remembers, by UID, the trouble that was told last, so that a check in between does not tell it again.
	troubles *lru.Cache
	// fieldManager owns the status, and what else the controller writes.
	fieldManager string
}

// finish reports the outcome of a visit on the object, writes its status if that differs from before, sends an event if
// the state is a new one, and plans the next visit.
func (r *reconciler) finish(ctx context.Context, before, after object, o outcome) (ctrl.Result, error) {
	status := after.GetObjectStatus()
	// A check that somebody or a sweep asked for is made when it came to a result, not while it is still being tried.
	if o.isResult() {
		r.drift.settled(after)
		if checkRequested(after) {
			status.LastHandledReconcileAt = requestOf(after)
		}
	}
	o.report(status, after.GetGeneration(), r.clock.Now())
	if err := r.writeStatus(ctx, before, after); err != nil {
		// The object changed or went away meanwhile, which brings the next visit by itself.
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return ctrl.Result{RequeueAfter: time.Second}, nil
		}
		return ctrl.Result{}, fmt.Errorf("cannot write the status: %w", err)
	}
	r.announce(ctx, before, after)
	return ctrl.Result{RequeueAfter: o.after}, nil
}

// announce tells about trouble when it begins and when it is over, each once.
func (r *reconciler) announce(ctx context.Context, before, after object) {
	ready := readyOf(after)
	was := readyOf(before)
	if was.Status == ready.Status && was.Reason == ready.Reason {
		return
	}
	logf.FromContext(ctx).Info("State changed", "reason", ready.Reason, "message", ready.Message)

	if inTrouble(was) {
		r.troubles.Add(after.GetUID(), was.Reason)
	}
	known, _ := r.troubles.Get(after.GetUID())
	switch {
	case ready.Status == metav1.ConditionTrue && known == nil, isRoutine(ready), known == ready.Reason:
		return
	case ready.Status == metav1.ConditionTrue:
		r.troubles.Remove(after.GetUID())
	default:
		r.troubles.Add(after.GetUID(), ready.Reason)
	}
	severity := corev1.EventTypeNormal
	if inTrouble(ready) && !meta.IsStatusConditionTrue(after.GetObjectStatus().Conditions, v1alpha1.ConditionReconciling) {
		severity = corev1.EventTypeWarning
	}
	r.recorder.Eventf(after, nil, severity, ready.Reason, "Reconcile", "%s", ready.Message)
}

func readyOf(o object) metav1.Condition {
	return ptr.Deref(meta.FindStatusCondition(o.GetObjectStatus().Conditions, v1alpha1.ConditionReady), metav1.Condition{})
}

// inTrouble says whether a state is worth an event: it is not in step, and not only waiting.
func inTrouble(ready metav1.Condition) bool {
	return ready.Type != "" && ready.Status != metav1.ConditionTrue && !isRoutine(ready)
}

// isRoutine says whether an object with this state only waits: for its turn, for the learner's first login, for its
// platform, or for somebody's word there. The platform has events of its own. An event for each such object would double
// the writes.
func isRoutine(ready metav1.Condition) bool {
	switch ready.Reason {
	case v1alpha1.ReasonQueued, v1alpha1.ReasonThrottled, v1alpha1.ReasonRegistrationLimited, v1alpha1.ReasonRegistrationClosed,
		v1alpha1.ReasonPlatformUnavailable, v1alpha1.ReasonAwaitingFirstLogin, v1alpha1.ReasonRemovalHeld,
		v1alpha1.ReasonWouldCreate, v1alpha1.ReasonWouldEnroll, v1alpha1.ReasonWouldWithdraw:
		return true
	}
	return false
}

// writeStatus applies the status as this controller's, if it changed. The UID keeps an object that was deleted meanwhile
// from being made again.
func (r *reconciler) writeStatus(ctx context.Context, before, after object) error {
	if equality.Semantic.DeepEqual(statusOf(before), statusOf(after)) {
		return nil
	}
	return r.applyStatus(ctx, withoutSums(after))
}

// applyStatus applies a status, or a part of it, as this controller's.
func (r *reconciler) applyStatus(ctx context.Context, o object) error {
	desired, err := statusApplyConfiguration(o, r.Scheme())
	if err != nil {
		return err
	}
	return r.Status().Apply(ctx, desired, client.FieldOwner(r.fieldManager), client.ForceOwnership)
}

func statusOf(o object) any { return reflect.ValueOf(o).Elem().FieldByName("Status").Interface() }

// statusApplyConfiguration gives the object's identity and status. Both types have one JSON form, so that is the way
// from the one to the other.
func statusApplyConfiguration(o object, scheme *runtime.Scheme) (runtime.ApplyConfiguration, error) {
	kinds, _, err := scheme.ObjectKinds(o)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(map[string]any{
		"apiVersion": kinds[0].GroupVersion().String(),
		"kind":       kinds[0].Kind,
		"metadata":   map[string]any{"name": o.GetName(), "namespace": o.GetNamespace(), "uid": o.GetUID()},
		"status":     statusOf(o),
	})
	if err != nil {
		return nil, err
	}
	var configuration runtime.ApplyConfiguration
	switch o.(type) {
	case *v1alpha1.LearningPlatform:
		configuration = &applyv1alpha1.LearningPlatformApplyConfiguration{}
	case *v1alpha1.Course:
		configuration = &applyv1alpha1.CourseApplyConfiguration{}
	case *v1alpha1.Contact:
		configuration = &applyv1alpha1.ContactApplyConfiguration{}
	case *v1alpha1.Enrollment:
		configuration = &applyv1alpha1.EnrollmentApplyConfiguration{}
	case *v1alpha1.CourseMentor:
		configuration = &applyv1alpha1.CourseMentorApplyConfiguration{}
	case *v1alpha1.LearnerMessage:
		configuration = &applyv1alpha1.LearnerMessageApplyConfiguration{}
	default:
		return nil, fmt.Errorf("no apply configuration for %T", o)
	}
	return configuration, json.Unmarshal(encoded, configuration)
}

// checkRequested says whether somebody asked for a check of the object that has not been made yet.
func checkRequested(o object) bool {
	request := requestOf(o)
	return request != "" && request != o.GetObjectStatus().LastHandledReconcileAt
}

// checkDue says whether somebody or a sweep asked for a check of the object that has not been made yet.
func (r *reconciler) checkDue(o object) bool { return checkRequested(o) || r.drift.suspects(o) }

// requestOf gives the last request for a check, cut to the bound of its echo.
func requestOf(o client.Object) string {
	return clip(o.GetAnnotations()[v1alpha1.ReconcileRequestedAtAnnotation], 256)
}

// clip cuts what comes from elsewhere to the bound of the field it goes to: a status that the API refuses is never seen.
func clip(text string, bound int) string {
	if runes := []rune(text); len(runes) > bound {
		return string(runes[:bound])
	}
	return text
}
