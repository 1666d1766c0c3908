package openedx

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const pathPreEnrollment = "/api/enrollment/v1/enrollment_allowed/"

// preEnrollment is the body of both calls.
type preEnrollment struct {
	Email      string `json:"email"`
	CourseKey  string `json:"course_id"`
	AutoEnroll bool   `json:"auto_enroll,omitempty"`
}

// PreEnroll enrolls an e-mail address in advance; see lms.Platform. The LMS takes any course for that, also one that is
// closed or does not exist, and later lets the learner in past its rules: so the course is looked at just before.
func (c *Client) PreEnroll(ctx context.Context, email, courseKey string) error {
	course, err := c.LookUpCourse(ctx, courseKey)
	if err != nil {
		return err
	}
	if !c.pastWindow && !admits(course, c.clock.Now(), 0) {
		return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonEnrollmentClosed, Message: enrollmentClosed}
	}
	err = c.do(ctx, request{call: callPreEnroll, method: http.MethodPost, path: pathPreEnrollment,
		json: preEnrollment{Email: strings.ToLower(email), CourseKey: courseKey, AutoEnroll: true}}, nil)
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// CancelPreEnrollment takes a pre-enrollment back; see lms.Platform.
func (c *Client) CancelPreEnrollment(ctx context.Context, email, courseKey string) error {
	err := c.do(ctx, request{call: callCancelPreEnroll, method: http.MethodDelete, path: pathPreEnrollment,
		json: preEnrollment{Email: strings.ToLower(email), CourseKey: courseKey}}, nil)
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}
