package controllers

import (
	"context"
	"fmt"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/leaving"
	"rollcall.dev/rollcall/internal/lms"
)

// isDrifted says whether the enrollment was found to differ on the LMS, and left so.
func isDrifted(status *v1alpha1.EnrollmentStatus) bool {
	return status.Attempts != nil && status.Attempts.LastError.Reason == v1alpha1.ReasonDrifted
}

// onlyTold says whether what others did on the LMS is left as it is: by the policy Report, and by Off unless a check is due.
func (r *enrollmentReconciler) onlyTold(enrollment *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform) bool {
	switch platform.Spec.DriftPolicy {
	case v1alpha1.DriftPolicyReport:
		return true
	case v1alpha1.DriftPolicyOff:
		return !r.checkDue(enrollment)
	default:
		return false
	}
}

// mayBeBack says whether to look if a learner who was withdrawn is enrolled again.
func (r *enrollmentReconciler) mayBeBack(enrollment *v1alpha1.Enrollment) bool {
	return enrollment.Status.Username != "" && (r.checkDue(enrollment) || isDrifted(&enrollment.Status))
}

// compare looks whether the learner is enrolled as was brought about, and changes nothing.
func (r *enrollmentReconciler) compare(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment,
	course *v1alpha1.Course, platform *v1alpha1.LearningPlatform, basis string) outcome {
	status := &enrollment.Status
	present, err := connection.ReadEnrollment(ctx, status.Username, status.CourseKey)
	if err != nil {
		return r.failed(enrollment, platform, &status.Attempts, basis, err)
	}
	status.Enrolled, status.Mode = new(present.Active), present.Mode
	switch {
	case !present.Active:
		err = driftError("The learner is not enrolled on the LMS any more.")
	case course.Spec.Mode != "" && present.Mode != course.Spec.Mode:
		err = driftError(fmt.Sprintf("The learner is enrolled on the LMS in the mode %s; the Course states %s.", present.Mode, course.Spec.Mode))
	default:
		r.inStepNow(enrollment)
		return inStep(enrolled, 0)
	}
	return r.failed(enrollment, platform, &status.Attempts, basis, err)
}

// lookIfBack notes that a learner who was withdrawn is enrolled on the LMS again, and so is to be withdrawn once more. It
// fails where that is only to be reported.
func (r *enrollmentReconciler) lookIfBack(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment,
	contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) error {
	status := &enrollment.Status
	if leaving.HasPlace(status) {
		return nil
	}
	if loses, err := r.losesCourse(ctx, enrollment, contact, platform); err != nil || !loses {
		return err
	}
	present, err := connection.ReadEnrollment(ctx, status.Username, status.CourseKey)
	switch {
	case err != nil && isGone(err), err == nil && !present.Active:
		return nil
	case err != nil:
		return err
	case r.onlyTold(enrollment, platform):
		return driftError("The learner was withdrawn and is enrolled on the LMS again.")
	}
	status.Enrolled = new(true)
	return nil
}

func driftError(message string) error {
	return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonDrifted, Message: message}
}
