package openedx

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

// aroundEdge is how near to an edge of its window a course is left to the single route, where the LMS itself decides, by its
// own clock.
const aroundEdge = time.Minute

// bulkUsername is a username that can be in a list that commas and spaces divide, and is no e-mail address.
var bulkUsername = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// enrollByBulk enrolls together with others who go to the same course. Bulk enrollment asks nothing of the course, chooses
// the mode itself, and only notes down who is not active: what it may not decide goes by the single route.
func (c *Client) enrollByBulk(ctx context.Context, wish lms.EnrollmentRequest) (lms.Enrollment, error) {
	if wish.Inactive || !bulkUsername.MatchString(wish.Username) {
		return c.enrollSingly(ctx, wish)
	}
	got, err := c.bulkEnrollments.ask(ctx, wish.CourseKey, wish.Username)
	if err != nil {
		return lms.Enrollment{}, err
	}
	if !got.fits(wish.Mode) {
		return c.enrollSingly(asFollowUp(ctx), wish)
	}
	return got.port(), nil
}

// withdrawByBulk ends an enrollment together with others of the same course. Nothing is read before: bulk enrollment leaves
// alone what is inactive or not there.
func (c *Client) withdrawByBulk(ctx context.Context, username, courseKey string) error {
	if !bulkUsername.MatchString(username) {
		return c.withdrawSingly(ctx, username, courseKey)
	}
	done, err := c.bulkWithdrawals.ask(ctx, courseKey, username)
	if err != nil || done {
		return err
	}
	return c.withdrawSingly(asFollowUp(ctx), username, courseKey)
}

// bulkEnroll enrolls learners in a course and gives their enrollments; a blank one is for who has to be enrolled singly.
func (c *Client) bulkEnroll(ctx context.Context, pass *pass, courseKey string, usernames []string) []fulfilled[enrollment] {
	found, err := c.enrollInBulk(ctx, pass, courseKey, usernames)
	return inOrder(usernames, found, err)
}

// bulkWithdraw ends the enrollments of learners in a course, and tells for whom that is done.
func (c *Client) bulkWithdraw(ctx context.Context, pass *pass, courseKey string, usernames []string) []fulfilled[bool] {
	enrolled, err := c.bulk(ctx, pass, "unenroll", courseKey, usernames)
	done := map[string]bool{}
	for username, still := range enrolled {
		done[username] = !still
	}
	return inOrder(usernames, done, err)
}

func inOrder[R any](usernames []string, of map[string]R, err error) []fulfilled[R] {
	came := make([]fulfilled[R], len(usernames))
	for i, username := range usernames {
		came[i] = fulfilled[R]{of[username], err}
	}
	return came
}

// enrollInBulk looks at the course just before, as bulk enrollment enrolls in whatever it is told.
func (c *Client) enrollInBulk(ctx context.Context, pass *pass, courseKey string, usernames []string) (map[string]enrollment, error) {
	course, err := c.courseDetails(ctx, courseKey, url.Values{"include_expired": {"1"}})
	if err != nil || !c.isForBulk(course) {
		pass.end(resultNone)
		return nil, err
	}
	found := map[string]enrollment{}
	several := len(course.Modes) > 1
	if several {
		// Who was enrolled before keeps that mode when coming back, which bulk enrollment does not see to.
		if found, err = c.listEnrollments(ctx, pass, courseKey, usernames); err != nil {
			return nil, err
		}
		usernames = slices.DeleteFunc(slices.Clone(usernames), func(username string) bool { return found[username] != enrollment{} })
		if len(usernames) == 0 {
			return found, nil
		}
		if pass, err = pass.another(ctx); err != nil {
			return nil, err
		}
	}
	enrolled, err := c.bulk(ctx, pass, "enroll", courseKey, usernames)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(enrolled, func(_ string, is bool) bool { return !is })
	if !several {
		for username := range enrolled {
			found[username] = enrollment{Mode: course.Modes[0].Slug, Active: true}
		}
		return found, nil
	}
	if pass, err = pass.another(ctx); err != nil {
		return nil, err
	}
	made, err := c.listEnrollments(ctx, pass, courseKey, slices.Collect(maps.Keys(enrolled)))
	maps.Copy(found, made)
	return found, err
}

// isForBulk tells whether the single route would let learners into the course without asking for a mode, as far as can be
// known: not whether it is full.
func (c *Client) isForBulk(course courseDetails) bool {
	now := c.clock.Now()
	offered := course.port(now)
	ordinary := slices.Contains(offered.Modes, "audit") || slices.Contains(offered.Modes, "honor")
	return ordinary && (c.pastWindow || admits(offered, now, aroundEdge))
}

// bulk makes a call of bulk enrollment, and tells of the usernames for which it worked whether they are enrolled now.
func (c *Client) bulk(ctx context.Context, pass *pass, action, courseKey string, usernames []string) (map[string]bool, error) {
	var answer struct {
		Courses map[string]struct {
			Results []struct {
				Identifier string `json:"identifier"`
				After      *struct {
					Enrollment bool `json:"enrollment"`
				} `json:"after"`
			} `json:"results"`
		} `json:"courses"`
	}
	// Both are lists in one text: of a real list the LMS would read only the first course.
	body := map[string]any{
		"action": action, "courses": courseKey, "identifiers": strings.Join(usernames, ","), "auto_enroll": false, "email_students": false,
	}
	err := c.do(ctx, request{
		call: callBulkEnroll, method: http.MethodPost, path: pathBulkEnroll, json: body, pass: pass, items: len(usernames),
	}, &answer)
	enrolled := map[string]bool{}
	for _, result := range answer.Courses[courseKey].Results {
		if result.After != nil {
			enrolled[result.Identifier] = result.After.Enrollment
		}
	}
	return enrolled, err
}

const pathBulkEnroll = "/api/bulk_enroll/v1/bulk_enroll"

// listEnrollments gives the enrollments, active or not, that learners have in a course.
func (c *Client) listEnrollments(ctx context.Context, pass *pass, courseKey string, usernames []string) (map[string]enrollment, error) {
	var page listedEnrollments
	err := c.do(ctx, request{
		call: callListEnrollments, method: http.MethodGet, path: pathEnrollments,
		query: url.Values{"course_id": {courseKey}, "username": {strings.Join(usernames, ",")}}, pass: pass, items: len(usernames),
	}, &page)
	found := map[string]enrollment{}
	for _, result := range page.Results {
		found[result.User] = result.enrollment
	}
	return found, err
}
