// Package leaving decides whether a learner who leaves an Enrollment loses the course on the LMS. The controllers act by it
// and a dry run foretells by it, so that a plan and what then happens never disagree.
package leaving

import (
	"context"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/claim"
)

// MayBeEnrolled says whether a call to enroll was made whose effect was not undone.
func MayBeEnrolled(status *v1alpha1.EnrollmentStatus) bool {
	return status.Username != "" && ptr.Deref(status.Enrolled, true)
}

// LosesCourse says whether the account that an Enrollment's status names loses the course that it names when the Enrollment
// is left. The contact may be nil; all are the Enrollments of the contact by then. It fails when a Course cannot be read.
func LosesCourse(ctx context.Context, reader client.Reader, left *v1alpha1.Enrollment, contact *v1alpha1.Contact,
	all []v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform, now time.Time) (bool, error) {
	// The others keep the contact's present account; one that is the contact's no more is left for good.
	if contact != nil && contact.Status.Learner.Username != "" && contact.Status.Learner.Username != left.Status.Username {
		return true, nil
	}
	kept, err := keptByAnother(ctx, reader, left, all, platform, now)
	return !kept, err
}

// keptByAnother says whether another Enrollment of the same learner is open in the course that this one leaves. The LMS
// knows the course by its key, which several course codes may stand for.
func keptByAnother(ctx context.Context, reader client.Reader, left *v1alpha1.Enrollment, all []v1alpha1.Enrollment,
	platform *v1alpha1.LearningPlatform, now time.Time) (bool, error) {
	for i := range all {
		other := &all[i]
		if other.Name == left.Name || !other.DeletionTimestamp.IsZero() {
			continue
		}
		window, err := access.WindowOf(&other.Spec, platform)
		if err != nil {
			continue
		}
		if standing, _ := window.At(now); standing != v1alpha1.AccessOpen {
			continue
		}
		course, err := claim.CourseFor(ctx, reader, left.Namespace, platform.Name, other.Spec.CourseCode)
		if err != nil {
			return false, err
		}
		if course != nil && course.Spec.CourseKey == left.Status.CourseKey {
			return true, nil
		}
	}
	return false, nil
}
