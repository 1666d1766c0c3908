package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/mentoring"
)

// courseMentorReconciler says whether a mentor takes effect: the course is there, nobody claimed it for these days before,
// and messages have an address.
type courseMentorReconciler struct{ reconciler }

// +kubebuilder:rbac:groups=rollcall.dev,resources=coursementors,verbs=get;list;watch
// +kubebuilder:rbac:groups=rollcall.dev,resources=coursementors/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch

func (r *courseMentorReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("coursementor").
		WithOptions(r.options(1)).
		For(&v1alpha1.CourseMentor{}, builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.CourseMentor{}, handler.EnqueueRequestsFromMapFunc(r.mentorsLike), builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.Course{}, handler.EnqueueRequestsFromMapFunc(r.mentorsOf), builder.WithPredicates(standingOrSpec())).
		Watches(&v1alpha1.LearningPlatform{}, handler.EnqueueRequestsFromMapFunc(r.mentorsOn), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.mentorsAddressedBy)).
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
	platform, waiting, err := r.platforms.find(ctx, mentor.Namespace, mentor.Spec.PlatformRef.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	now := r.clock.Now()
	today, err := mentoring.Today(now, platform)
	if err != nil {
		return working(v1alpha1.ReasonPlatformUnavailable, "Waits until the LearningPlatform has a valid time zone.", 0), nil //nolint:nilerr // The platform says it.
	}
	claimants, err := r.claimants(ctx, mentor.Namespace, mentor.Spec.PlatformRef.Name, mentor.Spec.CourseCode)
	if err != nil {
		return outcome{}, fmt.Errorf("cannot list the course's mentors: %w", err)
	}
	o, err := r.judge(ctx, mentor, claimants, today)
	if err != nil {
		return outcome{}, err
	}
	change, err := untilOtherMentor(claimants, platform, today, now)
	return o.sooner(change), err
}

// untilOtherMentor gives the time until somebody else may mentor a course, or 0 when nobody is to.
func untilOtherMentor(mentors []v1alpha1.CourseMentor, platform *v1alpha1.LearningPlatform, today v1alpha1.Date, now time.Time) (time.Duration, error) {
	next := mentoring.NextChange(mentors, today)
	if next == "" {
		return 0, nil
	}
	window, err := access.WindowOf(&v1alpha1.EnrollmentSpec{AccessStartDate: next}, platform)
	if err != nil {
		return 0, fmt.Errorf("cannot tell when the course has another mentor: %w", err)
	}
	return untilEdge(window.Opens.Sub(now)), nil
}

// judge says how the mentor stands today.
func (r *courseMentorReconciler) judge(ctx context.Context, mentor *v1alpha1.CourseMentor, claimants []v1alpha1.CourseMentor, today v1alpha1.Date) (outcome, error) {
	switch holder := mentoring.Holder(claimants, mentor, today); {
	case holder == nil:
		return settled(v1alpha1.ReasonEnded, "The last day of the mentor, spec.endDate, is over."), nil
	case holder.Name != mentor.Name:
		return conflict(v1alpha1.ReasonCourseClaimed, fmt.Sprintf("The CourseMentor %s is older and mentors the same course on some of the same days.", holder.Name), 0), nil
	}
	course, err := r.courseFor(ctx, mentor.Namespace, mentor.Spec.PlatformRef.Name, mentor.Spec.CourseCode)
	if err != nil {
		return outcome{}, err
	}
	if unusable := courseUnusable(course, mentor.Spec.CourseCode); unusable != nil {
		return *unusable, nil
	}
	wrong, err := r.unreachable(ctx, mentor, today)
	if err != nil || wrong != nil {
		return ptr.Deref(wrong, outcome{}), err
	}
	if today < mentor.Spec.StartDate {
		return settled(v1alpha1.ReasonUpcoming, "The mentor is shown to the learners of the course from spec.startDate on."), nil
	}
	if _, deputy := mentoring.Now(claimants, today); deputy {
		return inStep("The deputy stands in, and is shown to the learners of the course.", 0), nil
	}
	return inStep("The mentor is shown to the learners of the course.", 0), nil
}

// settled: nothing is to be done, today.
func settled(reason, message string) outcome {
	return outcome{standing: v1alpha1.ConditionReady, reason: reason, message: message}
}

// unreachable gives the outcome of a mentor where the mentor, or a deputy who has days left, cannot be reached as the spec
// says; nil when both can.
func (r *courseMentorReconciler) unreachable(ctx context.Context, mentor *v1alpha1.CourseMentor, today v1alpha1.Date) (*outcome, error) {
	wrong, err := r.wrongWith(ctx, mentor.Namespace, "spec", &mentor.Spec.MentorProfile)
	if deputy := &mentor.Spec.Deputy; err == nil && wrong == nil && deputy.DisplayName != "" && (deputy.EndDate == "" || today <= deputy.EndDate) {
		return r.wrongWith(ctx, mentor.Namespace, "spec.deputy", &deputy.MentorProfile)
	}
	return wrong, err
}

// wrongWith gives the outcome of a mentor because of the profile at the path; nil when nothing is wrong with it.
func (r *courseMentorReconciler) wrongWith(ctx context.Context, namespace, path string, profile *v1alpha1.MentorProfile) (*outcome, error) {
	if _, err := time.LoadLocation(profile.OfficeHours.TimeZone); err != nil {
		return new(stalled(v1alpha1.ReasonInvalidTimeZone, path+".officeHours.timeZone is not in the IANA time zone database.", 0)), nil //nolint:nilerr // The outcome says it.
	}
	_, err := mentoring.Address(ctx, r.platforms.live, namespace, profile)
	if unknown, ok := errors.AsType[*mentoring.AddressError](err); ok {
		return new(conflict(unknown.Reason, path+".emailFrom: "+unknown.Message, 0)), nil
	}
	return nil, err
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

func (r *courseMentorReconciler) mentorsOn(ctx context.Context, platform client.Object) []reconcile.Request {
	var list v1alpha1.CourseMentorList
	if err := r.List(ctx, &list, client.InNamespace(platform.GetNamespace())); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(mentor *v1alpha1.CourseMentor) bool {
		return mentor.Spec.PlatformRef.Name == platform.GetName()
	})
}

func (r *courseMentorReconciler) mentorsAddressedBy(ctx context.Context, addresses client.Object) []reconcile.Request {
	var list v1alpha1.CourseMentorList
	if err := r.List(ctx, &list, client.InNamespace(addresses.GetNamespace()), client.MatchingFields{index.MentorByConfigMap: addresses.GetName()}); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(*v1alpha1.CourseMentor) bool { return true })
}
