package controllers

import (
	"time"

	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/brakes"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	// planNotice is how long before the end of an access its date has to be known for the end to count as planned.
	planNotice = 24 * time.Hour
	// planLasts is for how long after the end a withdrawal still counts as planned. What is later may come of a clock that is
	// wrong.
	planLasts = 7 * 24 * time.Hour
)

// notePlan writes down a date of the end of access that is known long before, or from the start: a day pass is sold as one.
func notePlan(enrollment *v1alpha1.Enrollment, window access.Window, now time.Time) {
	status := &enrollment.Status
	isNew := status.PlannedEndDate == "" && status.Username == "" && status.PreEnrolledEmail == "" && now.Before(window.Closes)
	if isNew || !window.Closes.IsZero() && window.Closes.Sub(now) >= planNotice {
		status.PlannedEndDate = enrollment.Spec.AccessEndDate
	}
}

// endsAsPlanned says whether the learner is to be withdrawn because the access has just ended on a date that was known long
// before. On such a day all of a class may end, as sold.
func endsAsPlanned(enrollment *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform, now time.Time) bool {
	spec, status := &enrollment.Spec, &enrollment.Status
	if spec.AccessEndDate == "" || status.PlannedEndDate != spec.AccessEndDate {
		return false
	}
	window, err := access.WindowOf(spec, platform)
	return err == nil && !now.Before(window.Closes) && now.Sub(window.Closes) < planLasts
}

// brake fails while the learner must not lose the course, because too many do.
func (r *enrollmentReconciler) brake(enrollment *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform) error {
	if isObserved(platform) || endsAsPlanned(enrollment, platform, r.clock.Now()) {
		return nil
	}
	answer := r.brakes.Ask(enrollment, platform)
	switch answer {
	case brakes.NotYet:
		return &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonQueued, RetryAfter: time.Second,
			Message: "Waits until the withdrawals of the last hour are known."}
	case brakes.Go:
		return nil
	}
	enrollment.Status.RemovalHeld = v1alpha1.HeldRemoval(answer)
	message := "More learners would lose this course within an hour than spec.safety of the LearningPlatform allows."
	if answer.Limit == v1alpha1.RemovalLimitPlatform {
		message = "More learners would lose a course within an hour than spec.safety of the LearningPlatform allows."
	}
	return &lms.Error{Class: lms.Withheld, Reason: v1alpha1.ReasonRemovalHeld, Message: message}
}

// noRemoval notes that the withdrawal was made, or is not wanted any more.
func (r *enrollmentReconciler) noRemoval(enrollment *v1alpha1.Enrollment) {
	enrollment.Status.RemovalHeld = v1alpha1.HeldRemoval{}
	r.brakes.Settled(enrollment)
}

// released lets through a platform of which held withdrawals were released.
func released() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*v1alpha1.LearningPlatform), e.ObjectNew.(*v1alpha1.LearningPlatform)
			return !was.Status.Removals.LastReleaseTime.Equal(is.Status.Removals.LastReleaseTime)
		},
	}
}
