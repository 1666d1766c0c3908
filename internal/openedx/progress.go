package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// progressPage is what counts of a learner's progress page.
type progressPage struct {
	Summary *struct {
		Complete   int64 `json:"complete_count"`
		Incomplete int64 `json:"incomplete_count"`
		Locked     int64 `json:"locked_count"`
	} `json:"completion_summary"`
}

// ReadProgress tells how much of a course a learner has completed; see lms.Platform. Units that are locked are part of the
// course, as on the LMS's own page.
func (c *Client) ReadProgress(ctx context.Context, courseKey string, learnerID int64) (hundredths int32, err error) {
	path := "/api/course_home/progress/" + url.PathEscape(courseKey) + "/" + strconv.FormatInt(learnerID, 10)
	var page progressPage
	if err := c.do(ctx, request{call: callProgress, method: http.MethodGet, path: path}, &page); err != nil {
		return 0, err
	}
	s := page.Summary
	if s == nil || min(s.Complete, s.Incomplete, s.Locked) < 0 {
		return 0, &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonUnexpectedAnswer, Message: unexpectedAnswer,
			Cause: errors.New("the progress page has no completion summary")}
	}
	all := s.Complete + s.Incomplete + s.Locked
	if all == 0 {
		return 0, nil // A course without units has nothing to complete.
	}
	return int32(s.Complete * 10_000 / all), nil // Cut: what is not all is not 100 %.
}
