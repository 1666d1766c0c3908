package openedx

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"rollcall.dev/rollcall/internal/lms"
)

// listedGrades is a page of the grades of those who are actively enrolled.
type listedGrades struct {
	Next    string `json:"next"`
	Results []struct {
		Username string  `json:"username"`
		Percent  float64 `json:"percent"`
		Letter   string  `json:"letter_grade"`
		Passed   bool    `json:"passed"`
	} `json:"results"`
}

// ListGrades gives a page of the grades of a course; see lms.Platform. The LMS works out what it has not stored, so the call
// is given time.
func (c *Client) ListGrades(ctx context.Context, courseKey, cursor string) (lms.GradePage, error) {
	query := url.Values{"page_size": {strconv.Itoa(lms.MaxPage)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page listedGrades
	path := "/api/grades/v1/courses/" + url.PathEscape(courseKey) + "/"
	if err := c.do(ctx, request{call: callListGrades, method: http.MethodGet, path: path, query: query, items: lms.MaxPage}, &page); err != nil {
		return lms.GradePage{}, err
	}
	next, err := cursorOf(callListGrades, page.Next)
	if err != nil {
		return lms.GradePage{}, err
	}
	listed := lms.GradePage{Next: next}
	for _, result := range page.Results {
		// Extra credit may lead beyond the whole.
		hundredths := math.Round(min(max(result.Percent, 0), 1) * 10_000)
		listed.Grades = append(listed.Grades, lms.LearnerGrade{Username: result.Username,
			Grade: lms.Grade{Hundredths: int32(hundredths), Letter: result.Letter, Passed: result.Passed}})
	}
	return listed, nil
}
