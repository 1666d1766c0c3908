package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
)

// uncopied reads objects of the cache as they lie there, as copies of thousands would cost more than the reading. They
// must not be changed.
const uncopied = client.UnsafeDisableDeepCopy

// courseFor gives the Course that a course code stands for on a platform, or nil.
func (r *reconciler) courseFor(ctx context.Context, namespace, platform, courseCode string) (*v1alpha1.Course, error) {
	return claim.CourseFor(ctx, r.Client, namespace, platform, courseCode)
}

// contactsWithAccount gives the contacts on a platform whose learner has the username.
func (r *reconciler) contactsWithAccount(ctx context.Context, namespace, platform, username string) ([]v1alpha1.Contact, error) {
	return r.contactsBy(ctx, namespace, index.ContactByUsername, index.Key(platform, username))
}

// contactsWithEmail gives the contacts on a platform that have the e-mail address.
func (r *reconciler) contactsWithEmail(ctx context.Context, namespace, platform, email string) ([]v1alpha1.Contact, error) {
	return r.contactsBy(ctx, namespace, index.ContactByEmail, index.EmailKey(platform, email))
}

func (r *reconciler) contactsBy(ctx context.Context, namespace, name, key string) ([]v1alpha1.Contact, error) {
	var list v1alpha1.ContactList
	if err := r.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{name: key}); err != nil {
		return nil, fmt.Errorf("cannot list the contacts: %w", err)
	}
	return list.Items, nil
}

// courseUnusable gives the outcome of an object whose course is not there or not usable; nil when it is.
func courseUnusable(course *v1alpha1.Course, courseCode string) *outcome {
	var o outcome
	switch {
	case course == nil:
		o = conflict(v1alpha1.ReasonCourseNotFound, fmt.Sprintf("No Course carries the course code %s.", courseCode), 0)
	case course.Status.ObservedGeneration != course.Generation:
		o = working(v1alpha1.ReasonQueued, fmt.Sprintf("Waits until the Course %s has been checked.", course.Name), 0)
	case isReady(&course.Status.ObjectStatus):
		return nil
	case meta.IsStatusConditionTrue(course.Status.Conditions, v1alpha1.ConditionConflict), meta.IsStatusConditionTrue(course.Status.Conditions, v1alpha1.ConditionStalled):
		ready := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ConditionReady)
		reason := v1alpha1.ReasonCourseNotReady
		if ready.Reason == v1alpha1.ReasonCourseNotFound {
			reason = ready.Reason
		}
		o = conflict(reason, fmt.Sprintf("The Course %s cannot be used: %s", course.Name, ready.Message), 0)
	default:
		o = working(v1alpha1.ReasonQueued, fmt.Sprintf("Waits until the Course %s has been checked.", course.Name), 0)
	}
	return &o
}
