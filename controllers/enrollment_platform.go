package controllers

import (
	"context"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/leaving"
)

// isElsewhere says whether the learner may have a place on another platform than the Contact's: the Contact was deleted and
// made again on this one, and the Enrollment, a person's, outlived it.
func isElsewhere(status *v1alpha1.EnrollmentStatus, platform string) bool {
	return leaving.HasPlace(status) && status.Platform != "" && status.Platform != platform
}

// leavePlatform gives up the place on the platform that the status names, before anything is done on the Contact's. One that
// is gone has nothing to give up.
func (r *enrollmentReconciler) leavePlatform(ctx context.Context, enrollment *v1alpha1.Enrollment) (outcome, error) {
	status := &enrollment.Status
	platform, connection, waiting, err := r.platforms.ready(ctx, enrollment.Namespace, status.Platform)
	if err != nil {
		return outcome{}, err
	}
	if platform != nil {
		if waiting != nil {
			return *waiting, nil
		}
		basis := basisOf(enrollment.Generation, requestOf(enrollment), platform.UID, platform.Generation)
		if left, due := waitFor(status.Attempts, basis, r.clock.Now()); !due {
			return standing(status.Attempts, left), nil
		}
		if err := r.leave(inLaneOf(ctx, status.Attempts, basis), connection, enrollment, nil, platform); err != nil {
			return r.failed(enrollment, platform, &status.Attempts, basis, err), ctx.Err()
		}
	}
	r.noRemoval(enrollment)
	status.Platform, status.Username, status.CourseKey, status.PreEnrolledEmail = "", "", "", ""
	status.Enrolled, status.Mode, status.Attempts, status.LastSyncTime = nil, "", nil, nil
	return working(v1alpha1.ReasonQueued, "The learner has left the platform that the Contact was on before.", time.Millisecond), nil
}
