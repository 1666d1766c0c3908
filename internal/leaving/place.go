package leaving

import "rollcall.dev/rollcall/api/v1alpha1"

// HasPlace says whether the learner may be in the course, or get into it at the first login, by what was not undone.
func HasPlace(status *v1alpha1.EnrollmentStatus) bool {
	return status.PreEnrolledEmail != "" || MayBeEnrolled(status)
}
