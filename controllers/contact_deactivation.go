package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// eventAccountKept is the reason of the event that tells that a Contact goes, and its account stays active.
const eventAccountKept = "AccountKept"

// deactivateAccount makes the account of a deleted Contact inactive, if the policy says so and the LMS lets Rollcall. It
// gives the outcome of a Contact that has to wait for that; nil lets it go. An account that Rollcall did not make may be used
// for what Rollcall knows nothing of, and so stays active.
func (r *contactReconciler) deactivateAccount(ctx context.Context, contact *v1alpha1.Contact, others []v1alpha1.Enrollment) (*outcome, error) {
	learner := &contact.Status.Learner
	switch {
	case contact.Spec.DeletionPolicy != v1alpha1.DeletionDeactivate || learner.Username == "":
		return nil, nil
	case learner.ProvisionedBy != v1alpha1.ProvisionedByCreation:
		r.tellAccountKept(contact, "Rollcall did not make it.")
		return nil, nil
	case len(others) > 0:
		r.tellAccountKept(contact, "Enrollments besides those of the document use it.")
		return nil, nil
	}
	platform, connection, waiting, err := r.platforms.ready(ctx, contact.Namespace, contact.Spec.PlatformRef.Name)
	if err != nil || platform == nil {
		return nil, err // Nothing waits for a platform that is gone.
	}
	if waiting != nil {
		return waiting, nil
	}
	basis := basisOf(contact.Generation, requestOf(contact), platform.UID, platform.Generation, contact.Spec.DeletionPolicy)
	if left, due := waitFor(contact.Status.Attempts, basis, r.clock.Now()); !due {
		return new(standing(contact.Status.Attempts, left)), nil
	}
	ctx = inLaneOf(ctx, contact.Status.Attempts, basis)
	// The username may be another's by now.
	account, err := connection.LookUpLearner(ctx, learner.Username)
	if err == nil && (account == nil || !isSameAccount(learner, account)) {
		r.tellAccountKept(contact, "It has another username on the LMS by now.")
		return nil, nil
	}
	if err == nil {
		err = connection.Deactivate(ctx, learner.Username)
	}
	if failure := lms.AsError(err); err != nil && failure.Reason == v1alpha1.ReasonAccountReadOnly {
		r.tellAccountKept(contact, failure.Message)
		return nil, nil
	}
	if err != nil {
		return new(r.failed(contact, platform, &contact.Status.Attempts, basis, err)), ctx.Err()
	}
	return nil, nil
}

func (r *contactReconciler) tellAccountKept(contact *v1alpha1.Contact, why string) {
	r.recorder.Eventf(contact, nil, corev1.EventTypeWarning, eventAccountKept, "Delete", "The account on the LMS stays active. %s", why)
}
