package openedx

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

// courseDetails is a course as the enrollment API shows it.
type courseDetails struct {
	Name            string     `json:"course_name"`
	EnrollmentStart *time.Time `json:"enrollment_start"`
	EnrollmentEnd   *time.Time `json:"enrollment_end"`
	Modes           []struct {
		Slug    string     `json:"slug"`
		Expires *time.Time `json:"expiration_datetime"`
	} `json:"course_modes"`
}

func (d courseDetails) port(now time.Time) lms.Course {
	course := lms.Course{Title: d.Name, EnrollmentStart: d.EnrollmentStart, EnrollmentEnd: d.EnrollmentEnd}
	for _, mode := range d.Modes {
		if mode.Expires == nil || now.Before(*mode.Expires) {
			course.Modes = append(course.Modes, mode.Slug)
		}
	}
	return course
}

// LookUpCourse gives what the LMS says of a course; see lms.Platform. The LMS keeps this answer for a minute, so what
// was just changed there may not show yet.
func (c *Client) LookUpCourse(ctx context.Context, courseKey string) (lms.Course, error) {
	details, err := c.courseDetails(ctx, nil, courseKey, nil)
	now := c.clock.Now()
	course := details.port(now)
	course.Closed = !c.pastWindow && !admits(course, now, 0)
	return course, err
}

func (c *Client) courseDetails(ctx context.Context, pass *pass, courseKey string, query url.Values) (details courseDetails, err error) {
	err = c.do(ctx, request{
		call: callCourse, method: http.MethodGet, path: "/api/enrollment/v1/course/" + url.PathEscape(courseKey), query: query, pass: pass,
	}, &details)
	return details, err
}

// hasOrdinaryMode tells whether the course offers one of the modes that the LMS takes by itself. Its own default, which no API
// tells, may be another that the course offers as well.
func hasOrdinaryMode(course lms.Course) bool {
	return slices.Contains(course.Modes, "audit") || slices.Contains(course.Modes, "honor")
}

// admits tells whether the LMS admits learners to the course now, and did and will for a time around that.
func admits(course lms.Course, now time.Time, around time.Duration) bool {
	started := course.EnrollmentStart == nil || !now.Add(-around).Before(*course.EnrollmentStart)
	ended := course.EnrollmentEnd != nil && now.Add(around).After(*course.EnrollmentEnd)
	return started && !ended
}
