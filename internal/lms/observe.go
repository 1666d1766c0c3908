package lms

import (
	"context"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// Observe gives a platform that is only read. What would change it fails as Withheld instead, with a reason that says what
// would be done. With firstLogin no accounts are made there anyway.
//
// Each verb stands here by itself, so that one that is added cannot get past it.
func Observe(platform Platform, firstLogin bool) Platform {
	return observed{platform: platform, firstLogin: firstLogin}
}

type observed struct {
	platform   Platform
	firstLogin bool
}

// Probe changes nothing.
func (o observed) Probe(ctx context.Context) (Capabilities, error) { return o.platform.Probe(ctx) }

// FindLearner changes nothing.
func (o observed) FindLearner(ctx context.Context, email string) (*Learner, error) {
	return o.platform.FindLearner(ctx, email)
}

// LookUpLearner changes nothing.
func (o observed) LookUpLearner(ctx context.Context, username string) (*Learner, error) {
	return o.platform.LookUpLearner(ctx, username)
}

// LookUpLearners changes nothing.
func (o observed) LookUpLearners(ctx context.Context, usernames []string) ([]Learner, error) {
	return o.platform.LookUpLearners(ctx, usernames)
}

// LookUpLearnerByID changes nothing.
func (o observed) LookUpLearnerByID(ctx context.Context, id int64) (*Learner, error) {
	return o.platform.LookUpLearnerByID(ctx, id)
}

// CreateLearner would.
func (o observed) CreateLearner(context.Context, NewLearner) (Learner, error) {
	if o.firstLogin {
		return Learner{}, &Error{Class: Conflict, Reason: v1alpha1.ReasonAwaitingFirstLogin,
			Message: "The learner has no account yet; the LMS makes it at the first login."}
	}
	return Learner{}, would(v1alpha1.ReasonWouldCreate, "The learner has no account on the LMS; one would be made.")
}

// SetName would.
func (o observed) SetName(context.Context, string, string) error { return readOnly() }

// SetEmail would.
func (o observed) SetEmail(context.Context, string, string) error { return readOnly() }

// Deactivate would.
func (o observed) Deactivate(context.Context, string) error { return readOnly() }

// LinkedLearners changes nothing.
func (o observed) LinkedLearners(ctx context.Context, providerID string, usernames []string) ([]string, error) {
	return o.platform.LinkedLearners(ctx, providerID, usernames)
}

// LookUpCourse changes nothing.
func (o observed) LookUpCourse(ctx context.Context, courseKey string) (Course, error) {
	return o.platform.LookUpCourse(ctx, courseKey)
}

// Enroll would, unless the learner is enrolled as asked for, or was never enrolled and the course is closed. It gives the
// present enrollment in any case.
func (o observed) Enroll(ctx context.Context, request EnrollmentRequest) (Enrollment, error) {
	present, err := o.platform.ReadEnrollment(ctx, request.Username, request.CourseKey)
	switch {
	case err != nil:
		return Enrollment{}, err
	case present == Enrollment{}:
		return present, o.wouldEnroll(ctx, request.CourseKey, "The learner is not enrolled on the LMS, and would be.")
	case !present.Active:
		return present, would(v1alpha1.ReasonWouldEnroll, "The learner is not enrolled on the LMS, and would be.")
	case request.Mode != "" && present.Mode != request.Mode:
		return present, would(v1alpha1.ReasonWouldEnroll, "The learner is enrolled on the LMS in another mode, which would be changed.")
	}
	return present, nil
}

// ReadEnrollment changes nothing.
func (o observed) ReadEnrollment(ctx context.Context, username, courseKey string) (Enrollment, error) {
	return o.platform.ReadEnrollment(ctx, username, courseKey)
}

// ListEnrollments changes nothing.
func (o observed) ListEnrollments(ctx context.Context, courseKey, cursor string) (EnrollmentPage, error) {
	return o.platform.ListEnrollments(ctx, courseKey, cursor)
}

// ListGrades changes nothing.
func (o observed) ListGrades(ctx context.Context, courseKey, cursor string) (GradePage, error) {
	return o.platform.ListGrades(ctx, courseKey, cursor)
}

// ReadProgress changes nothing.
func (o observed) ReadProgress(ctx context.Context, courseKey string, learnerID int64) (int32, error) {
	return o.platform.ReadProgress(ctx, courseKey, learnerID)
}

// Withdraw would, unless the learner is not enrolled.
func (o observed) Withdraw(ctx context.Context, username, courseKey string) error {
	present, err := o.platform.ReadEnrollment(ctx, username, courseKey)
	if err != nil || !present.Active {
		return err
	}
	return would(v1alpha1.ReasonWouldWithdraw, "The learner is enrolled on the LMS, and would be withdrawn.")
}

// MayPreEnroll changes nothing.
func (o observed) MayPreEnroll(ctx context.Context, email, courseKey string) (bool, error) {
	return o.platform.MayPreEnroll(ctx, email, courseKey)
}

// PreEnroll would, unless the course is closed.
func (o observed) PreEnroll(ctx context.Context, _, courseKey string) (bool, error) {
	return false, o.wouldEnroll(ctx, courseKey, "The learner's e-mail address would be enrolled in advance.")
}

// CancelPreEnrollment would.
func (o observed) CancelPreEnrollment(context.Context, string, string) error {
	return would(v1alpha1.ReasonWouldWithdraw, "The enrollment in advance would be taken back.")
}

// Refusals makes no call.
func (o observed) Refusals() []*Error { return o.platform.Refusals() }

// wouldEnroll says that a newcomer would be enrolled, unless the platform would refuse that.
func (o observed) wouldEnroll(ctx context.Context, courseKey, message string) error {
	course, err := o.platform.LookUpCourse(ctx, courseKey)
	switch {
	case err != nil:
		return err
	case course.Closed:
		return &Error{Class: Conflict, Reason: v1alpha1.ReasonEnrollmentClosed, Message: "The LMS does not admit learners to the course at present; the enrollment would be refused."}
	}
	return would(v1alpha1.ReasonWouldEnroll, message)
}

func would(reason, message string) error {
	return &Error{Class: Withheld, Reason: reason, Message: message}
}

func readOnly() error {
	return &Error{Class: Withheld, Reason: v1alpha1.ReasonAccountReadOnly, Message: "Rollcall only observes the LMS, as spec.mode of the LearningPlatform says."}
}
