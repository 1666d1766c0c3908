// Package leaving decides whether a learner who leaves an Enrollment loses the course on the LMS. The controllers act by it
// and a dry run foretells by it, so that a plan and what then happens never disagree.
package leaving

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
)

// MayBeEnrolled says whether a call to enroll was made whose effect was not undone.
func MayBeEnrolled(status *v1alpha1.EnrollmentStatus) bool {
	return status.Username != "" && ptr.Deref(status.Enrolled, true)
}

// LosesCourse says whether the account that an Enrollment's status names loses the course that it names when the Enrollment
// is left. The contact may be nil; all are the Enrollments of the contact by then. It fails when a Course, or who has the
// account now, cannot be read.
func LosesCourse(ctx context.Context, reader client.Reader, left *v1alpha1.Enrollment, contact *v1alpha1.Contact,
	all []v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform, now time.Time) (bool, error) {
	present := ""
	if contact != nil {
		present = contact.Status.Learner.Username
	}
	if present != left.Status.Username {
		// The contact's Enrollments keep its present account. One that is the contact's no more only another contact's keep: the
		// account itself may be another's now, or its username, where the account was renamed.
		holders, err := enrollmentsOfHolder(ctx, reader, left, platform)
		if err != nil {
			return false, err
		}
		if present == "" {
			// Where the contact has none, an Enrollment keeps only the place that it took itself.
			for i := range all {
				if all[i].Status.Username == left.Status.Username {
					holders = append(holders, all[i])
				}
			}
		}
		all = holders
	}
	kept, err := keptByAnother(ctx, reader, left, all, platform, now)
	return !kept, err
}

// enrollmentsOfHolder gives the Enrollments of the contacts whose account has the username now.
func enrollmentsOfHolder(ctx context.Context, reader client.Reader, left *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform) ([]v1alpha1.Enrollment, error) {
	var holders v1alpha1.ContactList
	if err := reader.List(ctx, &holders, client.InNamespace(left.Namespace),
		client.MatchingFields{index.ContactByUsername: index.Key(platform.Name, left.Status.Username)}); err != nil {
		return nil, fmt.Errorf("cannot list the contacts with the account: %w", err)
	}
	var all []v1alpha1.Enrollment
	for i := range holders.Items {
		var theirs v1alpha1.EnrollmentList
		if err := reader.List(ctx, &theirs, client.InNamespace(left.Namespace),
			client.MatchingFields{index.EnrollmentByContact: holders.Items[i].Name}); err != nil {
			return nil, fmt.Errorf("cannot list the enrollments of the account: %w", err)
		}
		all = append(all, theirs.Items...)
	}
	return all, nil
}

// keptByAnother says whether another Enrollment of the same learner is open in the course that this one leaves. The LMS
// knows the course by its key, which several course codes may stand for.
func keptByAnother(ctx context.Context, reader client.Reader, left *v1alpha1.Enrollment, all []v1alpha1.Enrollment,
	platform *v1alpha1.LearningPlatform, now time.Time) (bool, error) {
	for i := range all {
		other := &all[i]
		if other.Name == left.Name || !other.DeletionTimestamp.IsZero() || other.Status.Platform != "" && other.Status.Platform != platform.Name {
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
		key := other.Status.CourseKey
		if course != nil {
			key = course.Spec.CourseKey
		} else if !HasPlace(&other.Status) {
			continue // What it was never enrolled in, a Course that is gone cannot bring it to.
		}
		if key == left.Status.CourseKey {
			return true, nil
		}
	}
	return false, nil
}
