package controllers

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/leaving"
	"rollcall.dev/rollcall/internal/lms"
)

// finalize withdraws the learner, unless the policy is Orphan or there is nothing to withdraw from. It goes by the status,
// so that a Contact or a Course that is gone holds nothing up, and a platform that is gone lets the object go.
func (r *enrollmentReconciler) finalize(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact) (outcome, error) {
	if enrollment.Spec.DeletionPolicy == v1alpha1.DeletionOrphan || orphanedWith(enrollment, contact) {
		return outcome{}, r.removeFinalizer(ctx, enrollment)
	}
	platformName := enrollment.Status.Platform
	if platformName == "" && contact != nil {
		platformName = contact.Spec.PlatformRef.Name
	}
	platform, gone, err := r.platforms.find(ctx, enrollment.Namespace, platformName)
	if err != nil {
		return outcome{}, err
	}
	if gone != nil {
		return outcome{}, r.removeFinalizer(ctx, enrollment)
	}
	letGo, err := r.isLetGo(ctx, enrollment, contact, platform)
	if err != nil {
		return outcome{}, err
	}
	if letGo {
		return outcome{}, r.removeFinalizer(ctx, enrollment)
	}
	// Without a valid time zone nothing new is tried, but what was done before is undone all the same.
	window, err := access.WindowOf(&enrollment.Spec, platform)
	if err == nil {
		enrollment.Status.Access, _ = window.At(r.clock.Now())
	}
	if err == nil && enrollment.Status.Access == v1alpha1.AccessOpen {
		if err := r.assumeEnrolled(ctx, enrollment, contact, platform); err != nil {
			return outcome{}, err
		}
	}
	if !leaving.HasPlace(&enrollment.Status) {
		return outcome{}, r.removeFinalizer(ctx, enrollment)
	}
	o, err := r.withdraw(ctx, enrollment, contact, platform, window)
	if err != nil || o.standing != v1alpha1.ConditionReady {
		return o, err
	}
	return outcome{}, r.removeFinalizer(ctx, enrollment)
}

// orphanedWith says whether the Enrollment goes together with its Contact, whose policy is to leave the LMS alone. Whoever
// deletes both, such as a foreground deletion, may come to the Enrollment first.
func orphanedWith(enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact) bool {
	return contact != nil && !contact.DeletionTimestamp.IsZero() &&
		contact.Spec.DeletionPolicy == v1alpha1.DeletionOrphan && metav1.IsControlledBy(enrollment, contact)
}

// assumeEnrolled fills in what was not written down when Rollcall ended between the call to the LMS and the status: an
// enrollment whose window was open, and that shows no result, may have been tried.
func (r *enrollmentReconciler) assumeEnrolled(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) error {
	status := &enrollment.Status
	if status.Username != "" || contact == nil || contact.Status.Learner.Username == "" {
		return nil
	}
	if status.PreEnrolledEmail != "" { // Then it is known in which course the first login enrolled.
		status.Username = contact.Status.Learner.Username
		return nil
	}
	course, err := r.courseFor(ctx, enrollment.Namespace, platform.Name, enrollment.Spec.CourseCode)
	if err != nil || course == nil {
		return err
	}
	status.Platform, status.Username, status.CourseKey = platform.Name, contact.Status.Learner.Username, course.Spec.CourseKey
	return nil
}

// leave takes back what was done in advance, and withdraws the learner that the status names from the course that it names,
// unless another Enrollment keeps the learner there. Where the LMS knows one of them no longer, there is nothing to withdraw
// from.
func (r *enrollmentReconciler) leave(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) error {
	status := &enrollment.Status
	if err := r.takeBack(ctx, connection, enrollment, contact, platform); err != nil {
		return err
	}
	if !leaving.MayBeEnrolled(status) {
		r.noRemoval(enrollment)
		return nil
	}
	loses, err := r.losesCourse(ctx, enrollment, contact, platform)
	if err != nil {
		return err
	}
	if loses {
		if err := r.brake(enrollment, platform); err != nil {
			return err
		}
		if err := connection.Withdraw(ctx, status.Username, status.CourseKey); err != nil && !isGone(err) {
			return err
		}
	}
	status.Enrolled = new(false)
	r.noRemoval(enrollment)
	return nil
}

// losesCourse says whether the learner loses the course when the Enrollment is left, as no other one keeps them there.
func (r *reconciler) losesCourse(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) (bool, error) {
	others, err := r.enrollmentsOf(ctx, &v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: enrollment.Namespace, Name: enrollment.Spec.ContactRef.Name}})
	if err != nil {
		return false, err
	}
	return leaving.LosesCourse(ctx, r.Client, enrollment, contact, others, platform, r.clock.Now())
}

// isGone says whether a call failed because the LMS does not know the learner or the course any more.
func isGone(err error) bool {
	return slices.Contains([]string{v1alpha1.ReasonLearnerNotFound, v1alpha1.ReasonCourseNotFound}, lms.AsError(err).Reason)
}
