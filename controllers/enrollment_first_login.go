package controllers

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/leaving"
	"rollcall.dev/rollcall/internal/lms"
)

// preEnroll has the LMS enroll a learner who has no account yet at the first login, where that makes the account. The
// address is written down before the LMS is told, so that no crash can hide what has to be taken back.
func (r *enrollmentReconciler) preEnroll(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform, course *v1alpha1.Course) (outcome, error) {
	if wouldCreate(contact) {
		enrollment.Status.Platform = platform.Name
		return observed(v1alpha1.ReasonWouldEnroll, "The learner would be enrolled once the account is made.", 0), nil
	}
	if !awaitsFirstLogin(contact) || contact.Status.ObservedGeneration != contact.Generation {
		return accountMissing(contact), nil
	}
	status, email := &enrollment.Status, strings.ToLower(contact.Spec.Email)
	waitsForLogin := working(v1alpha1.ReasonAwaitingFirstLogin, "The learner is enrolled by the first login.", 0)
	noted := status.PreEnrolledEmail == email && status.CourseKey == course.Spec.CourseKey
	if noted {
		r.noRemoval(enrollment)
	}
	if noted && status.LastSyncTime != nil && !checkRequested(enrollment) {
		status.Attempts = nil
		return waitsForLogin, nil
	}

	platform, connection, waiting, err := r.platforms.ready(ctx, enrollment.Namespace, platform.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	basis := basisOf(enrollment.Generation, requestOf(enrollment), platform.UID, platform.Generation, email, offerOf(course))
	if left, due := waitFor(status.Attempts, basis, r.clock.Now()); !due {
		return standing(status.Attempts, left), nil
	}
	ctx = inLaneOf(ctx, status.Attempts, basis)
	inAdvance := true
	switch {
	case noted, isObserved(platform): // What is not done need not be noted.
		status.Platform = platform.Name
		inAdvance, err = connection.PreEnroll(ctx, email, course.Spec.CourseKey)
	case leaving.HasPlace(status): // under another address, or in the course that the code stood for before
		err = r.leave(ctx, connection, enrollment, contact, platform)
	default:
		inAdvance, err = r.mayPreEnroll(ctx, connection, enrollment, platform, email, course.Spec.CourseKey)
		if inAdvance {
			status.Platform, status.PreEnrolledEmail, status.CourseKey, status.LastSyncTime = platform.Name, email, course.Spec.CourseKey, nil
		}
	}
	if err == nil && !inAdvance {
		status.PreEnrolledEmail = ""
		err = notInAdvance()
	}
	if err != nil {
		return r.failed(enrollment, platform, &status.Attempts, basis, err), ctx.Err()
	}
	status.Attempts = nil
	if !noted {
		return working(v1alpha1.ReasonQueued, "Waits until the e-mail address is enrolled in advance.", time.Millisecond), nil
	}
	r.inStepNow(enrollment)
	return waitsForLogin, nil
}

// mayPreEnroll says whether the address is to be enrolled in advance. Only before that is noted can be told whether what the LMS
// has is others': afterwards it may have come of a lost answer. What is noted for another Enrollment is Rollcall's.
func (r *enrollmentReconciler) mayPreEnroll(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform, email, courseKey string) (bool, error) {
	sharers, err := r.sharingAdvance(ctx, enrollment, platform.Name, email)
	if err != nil {
		return false, err
	}
	shared := slices.ContainsFunc(sharers, func(other v1alpha1.Enrollment) bool {
		return other.Status.Platform == platform.Name && other.Status.CourseKey == courseKey
	})
	if shared {
		return true, nil
	}
	return connection.MayPreEnroll(ctx, email, courseKey)
}

// notInAdvance is for a learner who can be enrolled only once the account is there. It is tried again as a conflict is.
func notInAdvance() error {
	return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonAwaitingFirstLogin,
		Message: "The learner is not enrolled in advance; that follows when the first login is noticed, which may take six hours."}
}

// takeBack ends what preEnroll began. Whoever has logged in since is enrolled already, though nobody noted that yet: then the
// status names the account, to be withdrawn.
func (r *enrollmentReconciler) takeBack(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) error {
	status := &enrollment.Status
	if status.PreEnrolledEmail == "" {
		return nil
	}
	sharers, err := r.sharingAdvance(ctx, enrollment, status.Platform, status.PreEnrolledEmail)
	if err != nil {
		return err
	}
	loses, err := leaving.LosesCourse(ctx, r.Client, enrollment, contact, sharers, platform, r.clock.Now())
	if err != nil {
		return err
	}
	again, err := r.isWantedAgain(ctx, enrollment, contact, platform)
	if err != nil {
		return err
	}
	removed := loses && !again // What the document wants again is begun anew.
	readdressed, err := r.isReaddressed(ctx, enrollment, contact, platform)
	if err != nil {
		return err
	}
	// Of who has logged in it is the enrollment that counts, not what it came of; and who is enrolled anew under another
	// address loses nothing.
	if removed && !leaving.MayBeEnrolled(status) && !readdressed {
		if err := r.brake(enrollment, platform); err != nil {
			return err
		}
	}
	if loses {
		if err := connection.CancelPreEnrollment(ctx, status.PreEnrolledEmail, status.CourseKey); err != nil {
			return err
		}
	}
	if removed {
		if err := r.noteFirstLogin(ctx, connection, enrollment, platform); err != nil {
			return err
		}
	}
	status.PreEnrolledEmail = ""
	return nil
}

// isReaddressed says whether the learner is still to be in the course that was noted, and only the e-mail address is another.
func (r *enrollmentReconciler) isReaddressed(ctx context.Context, enrollment *v1alpha1.Enrollment, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) (bool, error) {
	status := &enrollment.Status
	if contact == nil || !enrollment.DeletionTimestamp.IsZero() || status.Access != v1alpha1.AccessOpen || status.Platform != contact.Spec.PlatformRef.Name {
		return false, nil
	}
	course, err := r.courseFor(ctx, enrollment.Namespace, platform.Name, enrollment.Spec.CourseCode)
	return course != nil && course.Spec.CourseKey == status.CourseKey, err
}

// noteFirstLogin puts the account into the status that the first login with the address has made, unless account or address
// are another contact's.
func (r *enrollmentReconciler) noteFirstLogin(ctx context.Context, connection lms.Platform, enrollment *v1alpha1.Enrollment, platform *v1alpha1.LearningPlatform) error {
	status := &enrollment.Status
	if leaving.MayBeEnrolled(status) {
		return nil
	}
	account, err := connection.FindLearner(ctx, status.PreEnrolledEmail)
	if err != nil || account == nil {
		return err
	}
	holders, err := r.contactsWithAccount(ctx, enrollment.Namespace, platform.Name, account.Username)
	if err != nil {
		return err
	}
	heirs, err := r.contactsWithEmail(ctx, enrollment.Namespace, platform.Name, status.PreEnrolledEmail)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(append(holders, heirs...), func(other v1alpha1.Contact) bool { return other.Name != enrollment.Spec.ContactRef.Name }) {
		status.Username, status.Enrolled = account.Username, nil
	}
	return nil
}

// sharingAdvance gives the Enrollments for which the address was enrolled in advance: of the same contact, or of another one
// that has the address now.
func (r *enrollmentReconciler) sharingAdvance(ctx context.Context, enrollment *v1alpha1.Enrollment, platform, email string) (sharers []v1alpha1.Enrollment, err error) {
	contacts, err := r.contactsWithEmail(ctx, enrollment.Namespace, platform, email)
	if err != nil {
		return nil, err
	}
	own := v1alpha1.Contact{}
	own.Namespace, own.Name = enrollment.Namespace, enrollment.Spec.ContactRef.Name
	for _, contact := range append(contacts, own) {
		enrollments, err := r.enrollmentsOf(ctx, &contact)
		if err != nil {
			return nil, err
		}
		for _, other := range enrollments {
			if other.Status.PreEnrolledEmail == email {
				sharers = append(sharers, other)
			}
		}
	}
	return sharers, nil
}
