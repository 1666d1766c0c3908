package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/internal/trail"
)

// contactReconciler gives a learner an account, and an Enrollment for each course of the document.
type contactReconciler struct {
	reconciler
	// released holds the UIDs of contacts whose account may have become free: they need not wait for their next attempt.
	released sync.Map
	// absences remember, by UID, who was looked for in vain.
	absences *lru.Cache
}

// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts/status,verbs=patch
// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts/finalizers,verbs=update
// +kubebuilder:rbac:groups=rollcall.dev,resources=enrollments,verbs=get;list;watch;create;patch;delete

func (r *contactReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("contact").
		WithOptions(r.options(contactsAtOnce)).
		For(&v1alpha1.Contact{}, builder.WithPredicates(predicate.Or(specOrRequest(), newRevision()))).
		Watches(&v1alpha1.Enrollment{}, handler.EnqueueRequestsFromMapFunc(contactOfEnrollment), builder.WithPredicates(anyStatus())).
		Watches(&v1alpha1.LearningPlatform{}, onPlatform(r.contactsOn), builder.WithPredicates(standingOrSpec())).
		Watches(&v1alpha1.Contact{}, handler.Funcs{UpdateFunc: r.onChangedRival, DeleteFunc: r.onDeletedRival}, builder.WithPredicates(specOrRequest())).
		WatchesRawSource(source.Channel(r.drift.contacts, &handler.EnqueueRequestForObject{})).
		Complete(r)
}

// Reconcile brings the learner's account and Enrollments in step with the document.
func (r *contactReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	contact := &v1alpha1.Contact{}
	if err := r.Get(ctx, request.NamespacedName, contact); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	ctx, span := trail.Resume(ctx, contact, "reconcile Contact")
	defer span.End()
	before := contact.DeepCopy()
	if !contact.DeletionTimestamp.IsZero() {
		o, err := r.finalize(ctx, contact)
		if err != nil || !controllerutil.ContainsFinalizer(contact, v1alpha1.WithdrawalFinalizer) {
			return ctrl.Result{}, err
		}
		return r.finish(ctx, before, contact, o)
	}
	if ptr.Deref(contact.Spec.Suspend, false) {
		return r.finish(ctx, before, contact, suspended())
	}
	if err := r.addFinalizer(ctx, contact); err != nil {
		return ctrl.Result{}, err
	}
	o, err := r.reconcile(ctx, contact)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.finish(ctx, before, contact, o)
}

func (r *contactReconciler) reconcile(ctx context.Context, contact *v1alpha1.Contact) (outcome, error) {
	contact.Status.Document = documentStatus(contact)
	known := contact.Status.Learner
	enrollments, err := r.enrollmentsOf(ctx, contact)
	if err != nil {
		return outcome{}, err
	}
	account, err := r.settleAccount(ctx, contact, enrollments)
	if err != nil {
		return outcome{}, err
	}
	waits := awaitsFirstLogin(contact) || wouldCreate(contact)
	switch learner := contact.Status.Learner; {
	case learner.Username == "" && !waits && len(enrollments) == 0:
		contact.Status.Enrollments = tally{total: len(contact.Spec.Enrollments)}.summary()
		return account, nil
	case learner.Username != known.Username:
		// The account is written down before anything is built on it.
		contact.Status.Enrollments = tally{total: len(contact.Spec.Enrollments)}.summary()
		return working(v1alpha1.ReasonQueued, enrollmentsFollow, time.Millisecond), nil
	}

	courses, err := r.settleEnrollments(ctx, contact, enrollments, account.isResult())
	if err != nil {
		return outcome{}, err
	}
	if waits && courses.isTrouble() {
		return courses.sooner(account.after), nil // That a course has a conflict is better known before the first login.
	}
	if account.standing != v1alpha1.ConditionReady {
		return account.sooner(courses.after), nil
	}
	if courses.standing == v1alpha1.ConditionReady && (!isReady(&contact.Status.ObjectStatus) || contact.Status.ObservedGeneration != contact.Generation) {
		contact.Status.LastSyncTime = new(metav1.NewTime(r.clock.Now()))
	}
	return courses, nil
}

// contactOfEnrollment also speaks of an Enrollment that a person made: it may find that the account is lost.
func contactOfEnrollment(_ context.Context, enrollment client.Object) []reconcile.Request {
	name := enrollment.(*v1alpha1.Enrollment).Spec.ContactRef.Name
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: enrollment.GetNamespace(), Name: name}}}
}

// finalize withdraws the learner from the document's courses, or with deletionPolicy Orphan only lets go of them. The
// Enrollments do the work, each by its own finalizer; with Deactivate the account's turn is after them.
func (r *contactReconciler) finalize(ctx context.Context, contact *v1alpha1.Contact) (outcome, error) {
	enrollments, err := r.enrollmentsOf(ctx, contact)
	if err != nil {
		return outcome{}, err
	}
	sum, left := tally{}, 0
	for i := range enrollments {
		enrollment := &enrollments[i]
		if !metav1.IsControlledBy(enrollment, contact) {
			continue
		}
		left++
		sum.addDropped(enrollment)
		if contact.Spec.DeletionPolicy == v1alpha1.DeletionOrphan && enrollment.Spec.DeletionPolicy != v1alpha1.DeletionOrphan {
			patch := client.MergeFrom(enrollment.DeepCopy())
			enrollment.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
			if err := r.Patch(ctx, enrollment, patch, client.FieldOwner(r.fieldManager)); client.IgnoreNotFound(err) != nil {
				return outcome{}, fmt.Errorf("cannot orphan an enrollment: %w", err)
			}
		}
		if err := r.deleteEnrollment(ctx, enrollment); err != nil {
			return outcome{}, err
		}
	}
	if sum.held != nil && sum.withdrawing == 0 {
		return stalled(sum.held.Reason, sum.held.Message, 0), nil
	}
	if left > 0 {
		return working(v1alpha1.ReasonDeleting, "Waits until the enrollments are withdrawn.", 0), nil
	}
	if waiting, err := r.deactivateAccount(ctx, contact, enrollments); waiting != nil || err != nil {
		return ptr.Deref(waiting, outcome{}), err
	}
	return outcome{}, r.removeFinalizer(ctx, contact)
}

func documentStatus(contact *v1alpha1.Contact) v1alpha1.DocumentStatus {
	status := v1alpha1.DocumentStatus{
		Digest:   documents.Digest(&contact.Spec),
		Revision: documents.Revision(contact),
		Source:   clip(contact.Annotations[v1alpha1.DocumentSourceAnnotation], 1024),
	}
	if received, err := time.Parse(time.RFC3339, contact.Annotations[v1alpha1.DocumentReceivedAnnotation]); err == nil {
		// The API keeps seconds. A finer time would differ from what it gave back on every visit, and be written again.
		status.ReceivedTime = new(metav1.NewTime(received.Truncate(time.Second)))
	}
	return status
}
