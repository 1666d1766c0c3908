package controllers

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/leaving"
)

// isDocuments says whether the Enrollment is of a document that is in force, whose contact is to stay.
func isDocuments(enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact) bool {
	return contact != nil && contact.DeletionTimestamp.IsZero() && metav1.IsControlledBy(enrollment, contact)
}

// isLetGo says whether a deleted Enrollment goes without a withdrawal, though the LMS is there: it goes together with what
// made it on a platform that is only observed, or the document wants the learner in the course again, by an Enrollment that
// cannot be made before this one is gone.
func (r *enrollmentReconciler) isLetGo(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) (bool, error) {
	if !isDocuments(enrollment, contact) {
		return isObserved(platform), nil
	}
	if status := &enrollment.Status; status.PreEnrolledEmail != "" && !leaving.MayBeEnrolled(status) && !isObserved(platform) {
		return false, nil // That would be forgotten, before a login has made use of it.
	}
	return r.isWantedAgain(ctx, enrollment, contact, platform)
}

// isWantedAgain says whether the document wants the learner in the course that the Enrollment is of.
func (r *enrollmentReconciler) isWantedAgain(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) (bool, error) {
	if !isDocuments(enrollment, contact) {
		return false, nil
	}
	status, spec := &enrollment.Status, &contact.Spec
	sameLearner := (status.Username == "" || status.Username == contact.Status.Learner.Username) &&
		(status.PreEnrolledEmail == "" || status.PreEnrolledEmail == strings.ToLower(spec.Email))
	listed := slices.IndexFunc(spec.Enrollments, func(course v1alpha1.CourseAccess) bool { return course.CourseCode == enrollment.Spec.CourseCode })
	if !sameLearner || listed < 0 {
		return false, nil
	}
	days := spec.Enrollments[listed]
	window, err := access.WindowOf(&v1alpha1.EnrollmentSpec{AccessStartDate: days.AccessStartDate, AccessEndDate: days.AccessEndDate}, platform)
	if err != nil {
		return false, nil //nolint:nilerr // The platform says it.
	}
	if standing, _ := window.At(r.clock.Now()); standing != v1alpha1.AccessOpen {
		return false, nil
	}
	course, err := r.courseFor(ctx, enrollment.Namespace, platform.Name, enrollment.Spec.CourseCode)
	return course != nil && course.Spec.CourseKey == status.CourseKey, err
}
