package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"rollcall.dev/rollcall/internal/lms"
)

// enrollSingly enrolls through the stock API. is_active is always sent, or an inactive enrollment would stay so; the
// mode only when one is asked for, or a learner who upgraded would be set back.
func (c *Client) enrollSingly(ctx context.Context, wish lms.EnrollmentRequest) (lms.Enrollment, error) {
	// A change of mode and of activity may take two calls.
	for _, ctx := range []context.Context{ctx, asFollowUp(ctx)} {
		got, err := c.writeEnrollment(ctx, wish, true, false)
		if errors.Is(err, errClosed) {
			return c.enrolledAlready(asFollowUp(ctx), wish, err)
		}
		if err != nil {
			return lms.Enrollment{}, err
		}
		if got.fits(wish.Mode) {
			return got.port(), nil
		}
	}
	return lms.Enrollment{}, notAsAsked()
}

// enrolledAlready looks again after a refusal: the LMS looks at the course before it looks at the enrollment, and so
// refuses a learner who has been in since before it closed. Only who is not in, and may go past the window, is forced in.
func (c *Client) enrolledAlready(ctx context.Context, wish lms.EnrollmentRequest, refusal error) (lms.Enrollment, error) {
	present, err := c.readEnrollment(ctx, wish.Username, wish.CourseKey)
	if err != nil {
		return lms.Enrollment{}, err
	}
	if present.fits(wish.Mode) {
		return present.port(), nil
	}
	if !c.pastWindow {
		return lms.Enrollment{}, refusal
	}
	got, err := c.writeEnrollment(ctx, wish, true, true)
	if err != nil {
		return lms.Enrollment{}, err // Such as that the course is full: the LMS forces nobody into that.
	}
	if !got.fits(wish.Mode) {
		return lms.Enrollment{}, notAsAsked()
	}
	return got.port(), nil
}

// withdrawSingly ends an enrollment through the stock API. It reads first: to deactivate what is inactive would switch
// it on and off again, with all that hangs on it, and to deactivate what is not there would make it.
func (c *Client) withdrawSingly(ctx context.Context, username, courseKey string) (err error) {
	// The enrollment may change between the two calls; then it is read once more.
	for range 2 {
		var present enrollment
		if present, err = c.readEnrollment(ctx, username, courseKey); err != nil || !present.Active {
			return err
		}
		var got enrollment
		got, err = c.writeEnrollment(asFollowUp(ctx), lms.EnrollmentRequest{Username: username, CourseKey: courseKey}, false, false)
		switch {
		case errors.Is(err, errModeChanged):
		case err != nil:
			return err
		case got.Active:
			err = notAsAsked()
		default:
			return nil
		}
	}
	return err
}

// readEnrollment gives the enrollment, or a blank one when there is none: the LMS answers then with nothing.
func (c *Client) readEnrollment(ctx context.Context, username, courseKey string) (present enrollment, err error) {
	path := "/api/enrollment/v1/enrollment/" + url.PathEscape(username) + "," + url.PathEscape(courseKey)
	err = c.do(ctx, request{call: callReadEnrollment, method: http.MethodGet, path: path}, &present)
	return present, err
}

// writeEnrollment makes the enrollment as it is wished. To force goes past the window of the course; it is for one that the
// LMS has just refused for that.
func (c *Client) writeEnrollment(ctx context.Context, wish lms.EnrollmentRequest, active, force bool) (got enrollment, err error) {
	// email_opt_in is never sent: the LMS would write it to the service user.
	body := struct {
		User          string            `json:"user"`
		CourseDetails map[string]string `json:"course_details"`
		Active        bool              `json:"is_active"`
		Mode          string            `json:"mode,omitempty"`
		Force         bool              `json:"force_enrollment,omitempty"`
	}{wish.Username, map[string]string{"course_id": wish.CourseKey}, active, wish.Mode, force}
	err = c.do(ctx, request{call: callWriteEnrollment, method: http.MethodPost, path: "/api/enrollment/v1/enrollment", json: body}, &got)
	return got, err
}
