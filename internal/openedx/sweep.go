package openedx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const pathEnrollments = "/api/enrollment/v1/enrollments"

// listedEnrollments is a page of enrollments, active or not.
type listedEnrollments struct {
	Next    string `json:"next"`
	Results []struct {
		User string `json:"user"`
		enrollment
	} `json:"results"`
}

// ListEnrollments gives a page of the enrollments of a course; see lms.Platform.
func (c *Client) ListEnrollments(ctx context.Context, courseKey, cursor string) (lms.EnrollmentPage, error) {
	var page listedEnrollments
	query := url.Values{"course_id": {courseKey}, "page_size": {strconv.Itoa(lms.MaxPage)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if err := c.do(ctx, request{call: callListEnrollments, method: http.MethodGet, path: pathEnrollments, query: query}, &page); err != nil {
		return lms.EnrollmentPage{}, err
	}
	next, err := cursorOf(callListEnrollments, page.Next)
	if err != nil {
		return lms.EnrollmentPage{}, err
	}
	listed := lms.EnrollmentPage{Next: next}
	for _, result := range page.Results {
		listed.Enrollments = append(listed.Enrollments, lms.LearnerEnrollment{Username: result.User, Enrollment: result.port()})
	}
	return listed, nil
}

// cursorOf takes the cursor out of the address of the next page. The address itself is not gone to: behind a proxy the LMS
// may call itself otherwise than it is called. Without a cursor the first page would come again, for ever.
func cursorOf(name call, next string) (string, error) {
	if next == "" {
		return "", nil
	}
	address, err := url.Parse(next)
	if err == nil && address.Query().Get("cursor") != "" {
		return address.Query().Get("cursor"), nil
	}
	return "", &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonUnexpectedAnswer, Message: unexpectedAnswer,
		Cause: fmt.Errorf("%s: the address of the next page has no cursor", name)}
}

// LookUpLearners gives the accounts with these usernames; see lms.Platform.
func (c *Client) LookUpLearners(ctx context.Context, usernames []string) ([]lms.Learner, error) {
	if len(usernames) == 0 {
		return nil, nil // Asked about nobody, the LMS tells of the service user.
	}
	return c.learners(ctx, request{call: callAccountByUsername, query: url.Values{"username": {strings.Join(usernames, ",")}}, items: len(usernames)})
}

// LookUpLearnerByID gives the account with the number; see lms.Platform.
func (c *Client) LookUpLearnerByID(ctx context.Context, id int64) (*lms.Learner, error) {
	found, err := c.learners(ctx, request{call: callAccountByID, query: url.Values{"lms_user_id": {strconv.FormatInt(id, 10)}}})
	if err != nil || len(found) == 0 || found[0].ID != id || isRetired(&found[0]) {
		return nil, err
	}
	return &found[0], nil
}

// isRetired goes by what the platform, as it ships, calls an account and its address after retirement.
func isRetired(account *lms.Learner) bool {
	return strings.HasPrefix(account.Username, "retired__user_") || strings.HasSuffix(account.Email, "@retired.invalid")
}

func (c *Client) learners(ctx context.Context, r request) (found []lms.Learner, err error) {
	var accounts []account
	r.method, r.path = http.MethodGet, pathAccounts
	if err := c.do(ctx, r, &accounts); err != nil && !errors.Is(err, errAbsent) {
		return nil, err
	}
	for _, account := range accounts {
		found = append(found, account.port())
	}
	return found, nil
}
