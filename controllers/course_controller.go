package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/lms"
)

// courseInterval is how often a course that was found is looked at again, for its window and modes.
const courseInterval = time.Hour

// coursesAtOnce are more than one, so that a course whose page takes long holds no other up.
const coursesAtOnce = 4

// maxModes is the bound of status.modes.
const maxModes = 32

// courseReconciler checks that a course exists on the LMS and what it offers.
type courseReconciler struct {
	reconciler
	// sweeps are under way, by the name of the Course.
	sweeps sync.Map
	// turns to read a page of grades, or the progress of a learner, by the name of the platform.
	turns sync.Map
	// started is when this process began to look after courses.
	started time.Time
}

// +kubebuilder:rbac:groups=rollcall.dev,resources=courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=rollcall.dev,resources=courses/status,verbs=patch

func (r *courseReconciler) setUp(mgr ctrl.Manager) error {
	r.started = r.clock.Now()
	return ctrl.NewControllerManagedBy(mgr).
		Named("course").
		WithOptions(r.options(coursesAtOnce)).
		For(&v1alpha1.Course{}, builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.LearningPlatform{}, handler.EnqueueRequestsFromMapFunc(r.onPlatform), builder.WithPredicates(standingOrSpec())).
		Watches(&v1alpha1.Course{}, handler.EnqueueRequestsFromMapFunc(r.withTheSameCode), builder.WithPredicates(specOrRequest())).
		Complete(r)
}

// Reconcile looks the course up, and compares its enrollments with the LMS when that is due.
func (r *courseReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, request.NamespacedName, course); err != nil {
		r.sweeps.Delete(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !course.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := course.DeepCopy()
	o, err := r.reconcile(ctx, course)
	if err != nil {
		return ctrl.Result{}, err
	}
	if o.standing == v1alpha1.ConditionReady {
		next, err := r.sweep(ctx, course)
		if err != nil {
			return ctrl.Result{}, err
		}
		o = o.sooner(next)
	}
	return r.finish(ctx, before, course, o)
}

func (r *courseReconciler) reconcile(ctx context.Context, course *v1alpha1.Course) (outcome, error) {
	holder, err := r.courseFor(ctx, course.Namespace, course.Spec.PlatformRef.Name, course.Spec.CourseCode)
	if err != nil {
		return outcome{}, err
	}
	if holder != nil && holder.Name != course.Name {
		return conflict(v1alpha1.ReasonCourseCodeClaimed, fmt.Sprintf("The Course %s is older and carries the same course code.", holder.Name), 0), nil
	}

	known := isReady(&course.Status.ObjectStatus) && course.Status.ObservedGeneration == course.Generation && course.Status.LastSyncTime != nil
	if known && !checkRequested(course) {
		if left := courseInterval - r.clock.Since(course.Status.LastSyncTime.Time); left > 0 {
			return inStep(courseFound, left), nil
		}
		ctx = lms.WithLane(ctx, lms.Background)
	}
	o, err := r.lookUp(ctx, course)
	if known && o.standing == v1alpha1.ConditionReconciling {
		// That the LMS cannot be asked just now says nothing against a course that it had.
		o = inStep(courseFound, o.after)
		o.unchecked = true
	}
	return o, err
}

const courseFound = "The course exists on the LMS."

func (r *courseReconciler) lookUp(ctx context.Context, course *v1alpha1.Course) (outcome, error) {
	platform, connection, waiting, err := r.platforms.ready(ctx, course.Namespace, course.Spec.PlatformRef.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	basis := basisOf(course.Generation, requestOf(course), platform.UID, platform.Generation)
	if left, due := waitFor(course.Status.Attempts, basis, r.clock.Now()); !due {
		return standing(course.Status.Attempts, left), nil
	}
	found, err := connection.LookUpCourse(ctx, course.Spec.CourseKey)
	if err != nil {
		return r.failed(course, platform, &course.Status.Attempts, basis, err), ctx.Err()
	}

	r.platforms.exonerate(course)
	course.Status.Attempts = nil
	course.Status.LastSyncTime = new(metav1.NewTime(r.clock.Now()))
	course.Status.Title = clip(found.Title, 1024)
	course.Status.Modes = modesOf(found)
	course.Status.EnrollmentStart, course.Status.EnrollmentEnd = optionalTime(found.EnrollmentStart), optionalTime(found.EnrollmentEnd)
	if course.Spec.Mode != "" && !slices.Contains(course.Status.Modes, course.Spec.Mode) {
		return conflict(v1alpha1.ReasonModeUnavailable, "The course does not offer the mode that spec.mode states; status.modes lists those it offers.", courseInterval), nil
	}
	return inStep(courseFound, wait.Jitter(courseInterval, jitter)), nil
}

// modesOf gives the modes in a fixed order, each once: the LMS lists one again for each currency.
func modesOf(found lms.Course) []string {
	modes := slices.Clone(found.Modes)
	slices.Sort(modes)
	modes = slices.Compact(modes)
	return modes[:min(len(modes), maxModes)]
}

func optionalTime(t *time.Time) *metav1.Time {
	if t == nil {
		return nil
	}
	return new(metav1.NewTime(*t))
}

func (r *courseReconciler) onPlatform(ctx context.Context, platform client.Object) []reconcile.Request {
	var list v1alpha1.CourseList
	if err := r.List(ctx, &list, client.InNamespace(platform.GetNamespace())); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(course *v1alpha1.Course) bool {
		return course.Spec.PlatformRef.Name == platform.GetName()
	})
}

func (r *courseReconciler) withTheSameCode(ctx context.Context, changed client.Object) []reconcile.Request {
	spec := changed.(*v1alpha1.Course).Spec
	var list v1alpha1.CourseList
	if err := r.List(ctx, &list, client.InNamespace(changed.GetNamespace()),
		client.MatchingFields{index.CourseByCode: index.Key(spec.PlatformRef.Name, spec.CourseCode)}); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(course *v1alpha1.Course) bool { return course.Name != changed.GetName() })
}
