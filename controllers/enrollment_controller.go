package controllers

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/brakes"
	"rollcall.dev/rollcall/internal/leaving"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/trail"
)

// enrollmentReconciler enrolls a learner while the access window is open, and withdraws them otherwise.
type enrollmentReconciler struct {
	reconciler
	brakes *brakes.Brakes
}

// +kubebuilder:rbac:groups=rollcall.dev,resources=enrollments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=rollcall.dev,resources=enrollments/status,verbs=patch

func (r *enrollmentReconciler) setUp(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("enrollment").
		WithOptions(r.options(enrollmentsAtOnce)).
		For(&v1alpha1.Enrollment{}, builder.WithPredicates(specOrRequest())).
		Watches(&v1alpha1.Contact{}, handler.EnqueueRequestsFromMapFunc(r.enrollmentsOfContact), builder.WithPredicates(learnerOrSpec())).
		Watches(&v1alpha1.Course{}, handler.EnqueueRequestsFromMapFunc(r.enrollmentsInCourse), builder.WithPredicates(offerOrSpec())).
		Watches(&v1alpha1.LearningPlatform{}, onPlatform(r.enrollmentsOn), builder.WithPredicates(predicate.Or(standingOrSpec(), released()))).
		WatchesRawSource(source.Channel(r.drift.enrollments, &handler.EnqueueRequestForObject{})).
		Complete(r)
}

// Reconcile enrolls or withdraws the learner, as the window says.
func (r *enrollmentReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	enrollment := &v1alpha1.Enrollment{}
	if err := r.Get(ctx, request.NamespacedName, enrollment); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := enrollment.DeepCopy()
	contact, err := r.contactOf(ctx, enrollment)
	if err != nil {
		return ctrl.Result{}, err
	}
	if contact != nil && metav1.IsControlledBy(enrollment, contact) { // else it is not the document that wants it
		var span trace.Span
		ctx, span = trail.Resume(ctx, contact, "reconcile Enrollment")
		defer span.End()
	}
	if !enrollment.DeletionTimestamp.IsZero() {
		o, err := r.finalize(ctx, enrollment, contact)
		if err != nil || !controllerutil.ContainsFinalizer(enrollment, v1alpha1.WithdrawalFinalizer) {
			return ctrl.Result{}, err
		}
		return r.finish(ctx, before, enrollment, o)
	}
	if contact != nil && ptr.Deref(contact.Spec.Suspend, false) {
		return r.finish(ctx, before, enrollment, suspended())
	}
	if err := r.addFinalizer(ctx, enrollment); err != nil {
		return ctrl.Result{}, err
	}
	o, err := r.reconcile(ctx, enrollment, contact)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.finish(ctx, before, enrollment, o)
}

func (r *enrollmentReconciler) reconcile(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact) (outcome, error) {
	enrollment.Status.EnrollmentID = string(enrollment.UID)
	noContact := conflict(v1alpha1.ReasonContactNotReady, fmt.Sprintf("There is no Contact %s.", enrollment.Spec.ContactRef.Name), 0)
	platformName := enrollment.Status.Platform
	switch {
	case contact != nil:
		platformName = contact.Spec.PlatformRef.Name
	case platformName == "":
		return noContact, nil
	}
	if isElsewhere(&enrollment.Status, platformName) {
		return r.leavePlatform(ctx, enrollment)
	}
	platform, waiting, err := r.platforms.find(ctx, enrollment.Namespace, platformName)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	window, err := access.WindowOf(&enrollment.Spec, platform)
	if err != nil {
		return working(v1alpha1.ReasonPlatformUnavailable, "Waits until the LearningPlatform has a valid time zone.", 0), nil //nolint:nilerr // The platform says it.
	}
	now := r.clock.Now()
	standing, edge := window.At(now)
	enrollment.Status.Access = standing
	notePlan(enrollment, window, now)
	ctx = r.drift.lane(ctx, enrollment)

	var o outcome
	switch {
	case standing != v1alpha1.AccessOpen:
		o, err = r.withdraw(ctx, enrollment, contact, platform, window)
	case contact == nil:
		o = noContact
	default:
		o, err = r.enroll(ctx, enrollment, contact, platform)
	}
	if !edge.IsZero() {
		o = o.sooner(untilEdge(edge.Sub(now)))
	}
	return o, err
}

func (r *enrollmentReconciler) enroll(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) (outcome, error) {
	status, learner := &enrollment.Status, &contact.Status.Learner
	course, err := r.courseFor(ctx, enrollment.Namespace, platform.Name, enrollment.Spec.CourseCode)
	if err != nil {
		return outcome{}, err
	}
	if unusable := courseUnusable(course, enrollment.Spec.CourseCode); unusable != nil {
		if unusable.isTrouble() { // So no course is left for it.
			r.noRemoval(enrollment)
		}
		return *unusable, nil
	}
	if learner.Username == "" {
		return r.preEnroll(ctx, enrollment, contact, platform, course)
	}
	moved := status.Username != learner.Username || status.CourseKey != course.Spec.CourseKey
	leaves := moved && leaving.MayBeEnrolled(status) || status.PreEnrolledEmail != "" && status.CourseKey != course.Spec.CourseKey
	if !leaves {
		r.noRemoval(enrollment)
	}
	otherMode := course.Spec.Mode != "" && status.Mode != course.Spec.Mode
	inPlace := ptr.Deref(status.Enrolled, false) && !moved && !otherMode
	if inPlace && !r.checkDue(enrollment) {
		status.Attempts = nil
		return inStep(enrolled, 0), nil
	}

	platform, connection, waiting, err := r.platforms.ready(ctx, enrollment.Namespace, platform.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	basis := basisOf(enrollment.Generation, requestOf(enrollment), platform.UID, platform.Generation, learner.Username, offerOf(course))
	if left, due := waitFor(status.Attempts, basis, r.clock.Now()); !due && !r.drift.due(enrollment, status.Attempts) {
		return standing(status.Attempts, left), nil
	}
	ctx = inLaneOf(ctx, status.Attempts, basis)
	if leaves {
		// The account was renamed or replaced, or the course code stands for another course now. That the old place was
		// left is written down before the new one is taken, so that no crash can hide either.
		if err := r.leave(ctx, connection, enrollment, contact, platform); err != nil {
			return r.failed(enrollment, platform, &status.Attempts, basis, err), ctx.Err()
		}
		status.Attempts = nil
		return working(v1alpha1.ReasonQueued, "The learner has left the course that the code stood for before.", time.Millisecond), nil
	}
	if r.onlyTold(enrollment, platform) && !moved && (inPlace || isDrifted(status)) {
		return r.compare(ctx, connection, enrollment, course, platform, basis), ctx.Err()
	}
	status.Platform, status.Username, status.CourseKey = platform.Name, learner.Username, course.Spec.CourseKey
	status.Enrolled, status.Mode = nil, "" // Until the answer is there, nobody knows.
	result, err := connection.Enroll(ctx, lms.EnrollmentRequest{
		Username: learner.Username, CourseKey: course.Spec.CourseKey, Mode: course.Spec.Mode, OfferedModes: course.Status.Modes,
		Inactive: !ptr.Deref(learner.Active, true),
	})
	if err == nil || lms.AsError(err).Class == lms.Withheld || isObserved(platform) && lms.AsError(err).Reason == v1alpha1.ReasonEnrollmentClosed {
		status.Enrolled, status.Mode = new(result.Active), result.Mode
	}
	if err != nil {
		return r.failed(enrollment, platform, &status.Attempts, basis, err), ctx.Err()
	}
	r.inStepNow(enrollment)
	return inStep(enrolled, 0), nil
}

const enrolled = "The learner is enrolled."

func (r *enrollmentReconciler) withdraw(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform, window access.Window) (outcome, error) {
	status := &enrollment.Status
	if status.Access == v1alpha1.AccessEnded && enrollment.CreationTimestamp.Time.Before(window.Closes) {
		if err := r.assumeEnrolled(ctx, enrollment, contact, platform); err != nil {
			return outcome{}, err
		}
	}
	done := inStep("Access has ended; the learner is not enrolled.", 0)
	if status.Access == v1alpha1.AccessUpcoming {
		done = inStep("Access has not begun; the learner is not enrolled yet.", 0)
	}
	if !leaving.HasPlace(status) && !r.mayBeBack(enrollment) {
		status.Attempts = nil
		if status.Username != "" {
			return done, nil
		}
		// Nothing was done and nothing is to be done, but that the course is unknown is better known before access begins.
		course, err := r.courseFor(ctx, enrollment.Namespace, platform.Name, enrollment.Spec.CourseCode)
		if err != nil {
			return outcome{}, err
		}
		return ptr.Deref(courseUnusable(course, enrollment.Spec.CourseCode), done), nil
	}
	platform, connection, waiting, err := r.platforms.ready(ctx, enrollment.Namespace, platform.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	basis := basisOf(enrollment.Generation, requestOf(enrollment), platform.UID, platform.Generation, status.Access)
	if left, due := waitFor(status.Attempts, basis, r.clock.Now()); !due && !r.drift.due(enrollment, status.Attempts) {
		return standing(status.Attempts, left), nil
	}
	ctx = inLaneOf(ctx, status.Attempts, basis)
	err = r.lookIfBack(ctx, connection, enrollment, contact, platform)
	if err == nil {
		err = r.leave(ctx, connection, enrollment, contact, platform)
	}
	if err != nil {
		return r.failed(enrollment, platform, &status.Attempts, basis, err), ctx.Err()
	}
	r.inStepNow(enrollment)
	return done, nil
}

func (r *enrollmentReconciler) inStepNow(enrollment *v1alpha1.Enrollment) {
	r.platforms.exonerate(enrollment)
	enrollment.Status.Attempts = nil
	enrollment.Status.LastSyncTime = new(metav1.NewTime(r.clock.Now()))
}

// maxPlan is the longest time for which a visit is planned ahead. So a clock that was set, or that stood still together with
// its machine, is noticed in a day, and no timer runs for years.
const maxPlan = 24 * time.Hour

// untilEdge gives the time until the visit that an edge of the window is planned for: never after it. Who comes before it
// plans again.
func untilEdge(left time.Duration) time.Duration {
	return max(min(left, wait.Jitter(maxPlan, jitter)), time.Millisecond)
}

// contactOf gives the Contact, or nil if there is none.
func (r *enrollmentReconciler) contactOf(ctx context.Context, enrollment *v1alpha1.Enrollment) (*v1alpha1.Contact, error) {
	contact := &v1alpha1.Contact{}
	err := r.Get(ctx, client.ObjectKey{Namespace: enrollment.Namespace, Name: enrollment.Spec.ContactRef.Name}, contact)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot get the Contact: %w", err)
	}
	return contact, nil
}

// accountMissing gives the outcome of an enrollment whose learner has no account.
func accountMissing(contact *v1alpha1.Contact) outcome {
	conditions := contact.Status.Conditions
	if meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionConflict) || meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled) {
		return conflict(v1alpha1.ReasonContactNotReady, fmt.Sprintf("The Contact %s has no account on the LMS; its conditions say why.", contact.Name), 0)
	}
	return working(v1alpha1.ReasonQueued, "Waits for the learner's account.", 0)
}
