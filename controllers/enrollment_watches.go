package controllers

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
)

// learnerOrSpec lets through what enrollments need to know of their Contact: its account, or why there is none. Woken for
// more, they would give up the turns that the call budget promised them.
func learnerOrSpec() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*v1alpha1.Contact), e.ObjectNew.(*v1alpha1.Contact)
			return was.Status.Learner.Username != is.Status.Learner.Username || awaitsFirstLogin(was) != awaitsFirstLogin(is) ||
				is.Status.Learner.Username == "" && stateOf(was) != stateOf(is)
		},
	})
}

// offerOrSpec lets through what enrollments need to know of their Course.
func offerOrSpec() predicate.Predicate {
	return predicate.Or(standingOrSpec(), predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return offerOf(e.ObjectOld.(*v1alpha1.Course)) != offerOf(e.ObjectNew.(*v1alpha1.Course))
		},
	})
}

// offerOf puts into one value what decides whether a learner can be enrolled in the course.
func offerOf(course *v1alpha1.Course) string {
	status := &course.Status
	return fmt.Sprint(course.UID, course.Generation, status.Modes, status.EnrollmentStart, status.EnrollmentEnd)
}

func (r *enrollmentReconciler) enrollmentsOfContact(ctx context.Context, contact client.Object) []reconcile.Request {
	enrollments, err := r.enrollmentsOf(ctx, contact.(*v1alpha1.Contact))
	if err != nil {
		return nil
	}
	return requestsFor(enrollments, func(*v1alpha1.Enrollment) bool { return true })
}

func (r *enrollmentReconciler) enrollmentsInCourse(ctx context.Context, course client.Object) []reconcile.Request {
	var list v1alpha1.EnrollmentList
	if err := r.List(ctx, &list, client.InNamespace(course.GetNamespace()),
		client.MatchingFields{index.EnrollmentByCourse: course.(*v1alpha1.Course).Spec.CourseCode}); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(*v1alpha1.Enrollment) bool { return true })
}

func (r *enrollmentReconciler) enrollmentsOn(ctx context.Context, platform client.Object, all bool) []reconcile.Request {
	var list, unknown v1alpha1.EnrollmentList // Those that were not tried yet may be on any platform.
	var err error
	if here := client.InNamespace(platform.GetNamespace()); all {
		err = r.List(ctx, &list, here, uncopied)
	} else {
		err = errors.Join(
			r.List(ctx, &list, here, client.MatchingFields{index.EnrollmentInWork: platform.GetName()}, uncopied),
			r.List(ctx, &unknown, here, client.MatchingFields{index.EnrollmentInWork: ""}, uncopied))
	}
	if err != nil {
		return nil
	}
	return requestsFor(append(list.Items, unknown.Items...), func(enrollment *v1alpha1.Enrollment) bool {
		return enrollment.Status.Platform == "" || enrollment.Status.Platform == platform.GetName()
	})
}
