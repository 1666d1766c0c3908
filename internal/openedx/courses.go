package openedx

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

// LookUpCourse gives what the LMS says of a course; see lms.Platform. The LMS keeps this answer for a minute, so what
// was just changed there may not show yet.
func (c *Client) LookUpCourse(ctx context.Context, courseKey string) (lms.Course, error) {
	var details struct {
		Name            string     `json:"course_name"`
		EnrollmentStart *time.Time `json:"enrollment_start"`
		EnrollmentEnd   *time.Time `json:"enrollment_end"`
		Modes           []struct {
			Slug string `json:"slug"`
		} `json:"course_modes"`
	}
	err := c.do(ctx, request{call: callCourse, method: http.MethodGet, path: "/api/enrollment/v1/course/" + url.PathEscape(courseKey)}, &details)
	if err != nil {
		return lms.Course{}, err
	}
	course := lms.Course{Title: details.Name, EnrollmentStart: details.EnrollmentStart, EnrollmentEnd: details.EnrollmentEnd}
	for _, mode := range details.Modes {
		course.Modes = append(course.Modes, mode.Slug)
	}
	return course, nil
}
