package controllers

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
)

// courseMentorReconciler says whether a mentor takes effect: the course is there, and nobody claimed it before.
type courseMentorReconciler struct{ reconciler }

// +kubebuilder:rbac:groups=rollcall.dev,resources=coursementors,verbs=get;list;watch
// +kubebuilder:rbac:groups=rollcall.dev,resources=coursementors/status,verbs=get;patch

func (r *courseMentorReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("coursementor").
		WithOptions(r.options(1)).
		For(&v1alpha1.CourseMentor{}, builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.CourseMentor{}, handler.EnqueueRequestsFromMapFunc(r.mentorsLike), builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.Course{}, handler.EnqueueRequestsFromMapFunc(r.mentorsOf), builder.WithPredicates(standingOrSpec())).
		Complete(r)
}

// Reconcile settles who mentors the course.
func (r *courseMentorReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	mentor := &v1alpha1.CourseMentor{}
	if err := r.Get(ctx, request.NamespacedName, mentor); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !mentor.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := mentor.DeepCopy()
	o, err := r.reconcile(ctx, mentor)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.finish(ctx, before, mentor, o)
}

func (r *courseMentorReconciler) reconcile(ctx context.Context, mentor *v1alpha1.CourseMentor) (outcome, error) {
	claimants, err := r.claimants(ctx, mentor.Namespace, mentor.Spec.PlatformRef.Name, mentor.Spec.CourseCode)
	if err != nil {
		return outcome{}, fmt.Errorf("cannot list the course's mentors: %w", err)
	}
	if holder := claim.Oldest(claimants); holder != nil && holder.Name != mentor.Name {
		return conflict(v1alpha1.ReasonCourseClaimed, fmt.Sprintf("The CourseMentor %s is older and mentors the same course.", holder.Name), 0), nil
	}
	course, err := r.courseFor(ctx, mentor.Namespace, mentor.Spec.PlatformRef.Name, mentor.Spec.CourseCode)
	if err != nil {
		return outcome{}, err
	}
	if unusable := courseUnusable(course, mentor.Spec.CourseCode); unusable != nil {
		return *unusable, nil
	}
	return inStep("The mentor is shown to the learners of the course.", 0), nil
}

func (r *courseMentorReconciler) claimants(ctx context.Context, namespace, platform, courseCode string) ([]v1alpha1.CourseMentor, error) {
	var list v1alpha1.CourseMentorList
	err := r.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{index.MentorByCourse: index.Key(platform, courseCode)})
	return list.Items, err
}

func (r *courseMentorReconciler) mentorsLike(ctx context.Context, changed client.Object) []reconcile.Request {
	spec := changed.(*v1alpha1.CourseMentor).Spec
	items, err := r.claimants(ctx, changed.GetNamespace(), spec.PlatformRef.Name, spec.CourseCode)
	if err != nil {
		return nil
	}
	return requestsFor(items, func(mentor *v1alpha1.CourseMentor) bool { return mentor.Name != changed.GetName() })
}

func (r *courseMentorReconciler) mentorsOf(ctx context.Context, course client.Object) []reconcile.Request {
	spec := course.(*v1alpha1.Course).Spec
	items, err := r.claimants(ctx, course.GetNamespace(), spec.PlatformRef.Name, spec.CourseCode)
	if err != nil {
		return nil
	}
	return requestsFor(items, func(*v1alpha1.CourseMentor) bool { return true })
}
