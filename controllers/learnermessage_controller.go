package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"rollcall.dev/rollcall/api/v1alpha1"
)

const (
	// messagesAtOnce is how many messages are handed in at a time.
	messagesAtOnce = 4
	// deliveryTimeout ends a visit. RFC 5321, section 4.5.3.2.6, gives a server 10 minutes to confirm a message: who hangs up
	// before makes doubles. All else in a visit has less time, as it cannot make any.
	deliveryTimeout = 12 * time.Minute
	// settleTimeout is how long it may take to write down that a message was handed in, also when Rollcall is told to stop. With
	// what internal/mail takes for a last answer it fits into the time that a manager has for that.
	settleTimeout = 10 * time.Second
	// defaultRetentionDays holds for a platform that says nothing about learners.
	defaultRetentionDays = 90
	// leastRetentionDays holds for what was not delivered: a person can still see to it.
	leastRetentionDays = 1
)

// learnerMessageReconciler hands learners' messages in to the platform's mail server, and deletes them when they have been
// kept for long enough.
type learnerMessageReconciler struct {
	reconciler
	// live reads what has to be as it is now: the message before it goes out, and what is never cached.
	live client.Reader
	// handedIn remembers, by UID, what came of messages that were handed in: their status may not say so yet.
	handedIn *lru.Cache
	// unconfirmed remembers, by UID, the messages that a mail server may have.
	unconfirmed *lru.Cache
	turns       mailTurns
}

// +kubebuilder:rbac:groups=rollcall.dev,resources=learnermessages,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=rollcall.dev,resources=learnermessages/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch

func (r *learnerMessageReconciler) setUp(mgr ctrl.Manager) error {
	options := r.options(messagesAtOnce)
	options.ReconciliationTimeout = deliveryTimeout
	return ctrl.NewControllerManagedBy(mgr).
		Named("learnermessage").
		WithOptions(options).
		For(&v1alpha1.LearnerMessage{}, builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.LearningPlatform{}, onPlatform(r.messagesOn), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Contact{}, handler.EnqueueRequestsFromMapFunc(r.messagesFrom), builder.WithPredicates(isNew())).
		Watches(&v1alpha1.CourseMentor{}, handler.EnqueueRequestsFromMapFunc(r.messagesTo), builder.WithPredicates(standingOrSpec())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.messagesBy)).
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.messagesToAddressesIn)).
		Complete(r)
}

// Reconcile hands the message in, unless that is done, and deletes it when its time is over.
func (r *learnerMessageReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	message := &v1alpha1.LearnerMessage{}
	if err := r.Get(ctx, request.NamespacedName, message); err != nil {
		messagesWaiting.forget(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	messagesWaiting.note(message)
	if !message.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	platform, waiting, err := r.platforms.find(ctx, message.Namespace, message.Spec.PlatformRef.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := message.DeepCopy()
	kept, ended := r.keptFor(message, platform)
	switch {
	case ended && kept <= 0:
		return ctrl.Result{}, r.deleteKept(ctx, message)
	case message.Status.DeliveredTime != nil && checkRequested(message):
		return r.settle(ctx, before, message, platform, taken) // There is nothing to check, which is a result.
	case message.Status.DeliveredTime != nil:
		return ctrl.Result{RequeueAfter: untilEdge(kept)}, nil
	}
	o := ptr.Deref(waiting, outcome{})
	if waiting == nil {
		o, err = r.deliver(ctx, message, platform)
		if errors.Is(err, errOutdated) {
			return ctrl.Result{RequeueAfter: time.Second}, nil
		}
		if err != nil {
			return ctrl.Result{}, err
		}
	}
	return r.settle(ctx, before, message, platform, o)
}

// settle writes down what came of a visit, also when Rollcall is told to stop meanwhile, and plans the end of what has ended.
func (r *learnerMessageReconciler) settle(ctx context.Context, before, message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform, o outcome) (ctrl.Result, error) {
	ctx, settled := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer settled()
	o.report(&message.Status.ObjectStatus, message.Generation, r.clock.Now())
	if kept, ended := r.keptFor(message, platform); ended {
		o = o.sooner(untilEdge(kept))
	}
	result, err := r.finish(ctx, before, message, o)
	if err != nil {
		return ctrl.Result{}, err
	}
	messagesWaiting.note(message)
	return result, nil
}

// endedAt is when nothing more was to be done for the message: it was delivered, or cannot be. It is zero before.
func endedAt(message *v1alpha1.LearnerMessage) metav1.Time {
	if message.Status.DeliveredTime != nil {
		return *message.Status.DeliveredTime
	}
	if stalled := meta.FindStatusCondition(message.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil {
		return stalled.LastTransitionTime
	}
	return metav1.Time{}
}

// keptFor is how much longer a message is kept that has ended.
func (r *learnerMessageReconciler) keptFor(message *v1alpha1.LearnerMessage, platform *v1alpha1.LearningPlatform) (kept time.Duration, ended bool) {
	end := endedAt(message)
	if end.IsZero() {
		return 0, false
	}
	if platform == nil {
		return platformWait, true // Who says for how long is not there.
	}
	days := ptr.Deref(platform.Spec.Learners.MessageRetentionDays, defaultRetentionDays)
	if message.Status.DeliveredTime == nil {
		days = max(days, leastRetentionDays)
	}
	return end.AddDate(0, 0, int(days)).Sub(r.clock.Now()), true
}

// deleteKept deletes a message that was kept for long enough.
func (r *learnerMessageReconciler) deleteKept(ctx context.Context, message *v1alpha1.LearnerMessage) error {
	ctx, deleted := context.WithTimeout(ctx, visitTimeout)
	defer deleted()
	if err := r.Delete(ctx, message, client.Preconditions{UID: &message.UID}); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("cannot delete the message: %w", err)
	}
	logf.FromContext(ctx).Info("Deleted: its retention is over")
	return nil
}
