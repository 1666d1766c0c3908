package controllers

import (
	"context"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// recheckIfRemade has all enrollments checked when the account is another one under the same username: it is enrolled
// nowhere yet, which only those notice that happen to call the LMS.
func (r *contactReconciler) recheckIfRemade(ctx context.Context, known *v1alpha1.LearnerStatus, found *lms.Learner, enrollments []v1alpha1.Enrollment) {
	if known.Username != found.Username || isSameAccount(known, found) {
		return
	}
	for i := range enrollments {
		r.drift.suspect(ctx, r.drift.enrollments, &enrollments[i])
	}
}
