package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const pathPreEnrollment = "/api/enrollment/v1/enrollment_allowed/"

// preEnrollment is the body of the calls that write, and what the LMS tells.
type preEnrollment struct {
	Email      string `json:"email"`
	CourseKey  string `json:"course_id"`
	AutoEnroll bool   `json:"auto_enroll,omitempty"`
}

// MayPreEnroll tells whether PreEnroll would be the one to enroll the address in advance; see lms.Platform.
func (c *Client) MayPreEnroll(ctx context.Context, email, courseKey string) (bool, error) {
	goes, err := c.goesInAdvance(ctx, courseKey)
	if err != nil || !goes {
		return false, err
	}
	present, err := c.readPreEnrollment(ctx, email, courseKey)
	return err == nil && present == nil, err
}

// PreEnroll enrolls an e-mail address in advance; see lms.Platform.
func (c *Client) PreEnroll(ctx context.Context, email, courseKey string) (bool, error) {
	goes, err := c.goesInAdvance(ctx, courseKey)
	if err != nil {
		return false, err
	}
	if goes {
		err = c.do(ctx, request{call: callPreEnroll, method: http.MethodPost, path: pathPreEnrollment,
			json: preEnrollment{Email: strings.ToLower(email), CourseKey: courseKey, AutoEnroll: true}}, nil)
		if !errors.Is(err, errExists) {
			return err == nil, err
		}
		ctx = asFollowUp(ctx)
	}
	// An instructor's may only open the course to the learner, and enroll nobody.
	present, err := c.readPreEnrollment(ctx, email, courseKey)
	return present != nil && present.AutoEnroll, err
}

// goesInAdvance tells whether learners may be pre-enrolled in the course. The LMS takes any course for that, also one that is
// closed or does not exist, and later lets the learner in past its rules, in whatever mode: so the course is looked at just
// before. Whether it will be full, nobody knows.
func (c *Client) goesInAdvance(ctx context.Context, courseKey string) (bool, error) {
	course, err := c.LookUpCourse(ctx, courseKey)
	if err != nil {
		return false, err
	}
	if course.Closed {
		return false, &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonEnrollmentClosed, Message: enrollmentClosed}
	}
	return c.pastCapacity && hasOrdinaryMode(course), nil
}

// readPreEnrollment gives the pre-enrollment of the address in the course, whoever made it, or nil if there is none.
func (c *Client) readPreEnrollment(ctx context.Context, email, courseKey string) (*preEnrollment, error) {
	var present []preEnrollment
	err := c.do(ctx, request{call: callReadPreEnrollments, method: http.MethodGet, path: pathPreEnrollment,
		query: url.Values{"email": {strings.ToLower(email)}}}, &present)
	if i := slices.IndexFunc(present, func(p preEnrollment) bool { return strings.EqualFold(p.CourseKey, courseKey) }); i >= 0 {
		return &present[i], nil
	}
	return nil, err
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
