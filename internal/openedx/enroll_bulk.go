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
	if wish.Inactive || !bulkUsername.MatchString(wish.Username) || c.isLeft(wish) {
		return c.enrollLeft(ctx, wish)
	}
	course, err := c.courses.ask(ctx, wish.CourseKey, struct{}{})
	if err != nil {
		return lms.Enrollment{}, err
	}
	if !c.isForBulk(course, wish.Mode) {
		return c.enrollSingly(ctx, wish)
	}
	got, err := c.bulkEnrollments.ask(ctx, wish.CourseKey, bulkWish{wish.Username, course})
	if err != nil {
		return lms.Enrollment{}, err
	}
	if !got.fits(wish.Mode) {
		return c.enrollLeft(ctx, wish)
	}
	return got.port(), nil
}

// rememberedLeft is for how many wishes the client remembers that bulk enrollment left them.
const rememberedLeft = 100_000

// wished is what a wish is remembered by.
type wished struct{ username, courseKey string }

// enrollLeft enrolls singly whom bulk enrollment leaves or would leave. Until that is done, it is where each attempt goes on:
// one that began with bulk enrollment again would come to the single call as late as the one before.
func (c *Client) enrollLeft(ctx context.Context, wish lms.EnrollmentRequest) (lms.Enrollment, error) {
	c.left.Add(wished{wish.Username, wish.CourseKey}, nil)
	got, err := c.enrollSingly(ctx, wish)
	if err == nil {
		c.left.Remove(wished{wish.Username, wish.CourseKey})
	}
	return got, err
}

func (c *Client) isLeft(wish lms.EnrollmentRequest) bool {
	_, left := c.left.Get(wished{wish.Username, wish.CourseKey})
	return left
}

// bulkWish is a learner who is to be enrolled in a course that was looked at just before.
type bulkWish struct {
	username string
	course   courseDetails
}

// lookUpCourses looks at a course, once for all who ask.
func (c *Client) lookUpCourses(ctx context.Context, pass *pass, courseKey string, asked []struct{}) []fulfilled[courseDetails] {
	course, err := c.courseDetails(ctx, pass, courseKey, url.Values{"include_expired": {"1"}})
	return slices.Repeat([]fulfilled[courseDetails]{{course, err}}, len(asked))
}

// bulkEnroll enrolls learners in a course and gives their enrollments; a blank one is for who has to be enrolled singly.
func (c *Client) bulkEnroll(ctx context.Context, pass *pass, courseKey string, wishes []bulkWish) []fulfilled[enrollment] {
	usernames := make([]string, len(wishes))
	for i, wish := range wishes {
		usernames[i] = wish.username
	}
	found, err := c.enrollInBulk(ctx, pass, courseKey, wishes[len(wishes)-1].course, usernames)
	if isPerhapsOfOne(err) {
		found, err = nil, nil
	}
	came := make([]fulfilled[enrollment], len(usernames))
	for i, username := range usernames {
		came[i] = fulfilled[enrollment]{found[username], err}
	}
	return came
}

func (c *Client) enrollInBulk(ctx context.Context, pass *pass, courseKey string, course courseDetails, usernames []string) (map[string]enrollment, error) {
	usernames, err := c.activeOf(asFollowUp(ctx), usernames)
	if err != nil || len(usernames) == 0 {
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
		usernames = slices.DeleteFunc(usernames, func(username string) bool { return found[username] != enrollment{} })
		if len(usernames) == 0 {
			return found, nil
		}
		if pass, err = pass.another(ctx); err != nil {
			return nil, err
		}
	}
	enrolled, err := c.bulk(ctx, pass, courseKey, usernames)
	if err != nil || len(enrolled) == 0 {
		return found, err
	}
	if !several {
		for _, username := range enrolled {
			found[username] = enrollment{Mode: course.Modes[0].Slug, Active: true}
		}
		return found, nil
	}
	if pass, err = pass.another(ctx); err != nil {
		return nil, err
	}
	made, err := c.listEnrollments(ctx, pass, courseKey, enrolled)
	maps.Copy(found, made)
	return found, err
}

// activeOf gives those whose accounts are active: others bulk enrollment would pre-enroll, and leave that behind.
func (c *Client) activeOf(ctx context.Context, usernames []string) (active []string, err error) {
	for i, account := range c.accountsByUsername(ctx, nil, "", usernames) {
		switch {
		case account.err != nil && lms.AsError(account.err).PlatformWide:
			return nil, account.err
		case account.err == nil && account.value != nil && account.value.IsActive:
			active = append(active, usernames[i])
		}
	}
	return active, nil
}

// isForBulk tells whether the single route would let learners into the course, as far as can be known: not whether it is full.
// A mode that is asked for has to be the only one: else only the LMS knows whether it is the one that comes out.
func (c *Client) isForBulk(course courseDetails, mode string) bool {
	now := c.clock.Now()
	offered := course.port(now)
	fits := mode == "" || slices.Equal(offered.Modes, []string{mode})
	return fits && hasOrdinaryMode(offered) && (c.pastWindow || admits(offered, now, aroundEdge))
}

// bulk makes a call of bulk enrollment, and gives the usernames of those who are enrolled now.
func (c *Client) bulk(ctx context.Context, pass *pass, courseKey string, usernames []string) (enrolled []string, err error) {
	var answer struct {
		Courses map[string]struct {
			Results []struct {
				Identifier string `json:"identifier"`
				After      struct {
					Enrollment bool `json:"enrollment"`
				} `json:"after"`
			} `json:"results"`
		} `json:"courses"`
	}
	// Both are lists in one text: of a real list the LMS would read only the first course.
	body := map[string]any{
		"action": "enroll", "courses": courseKey, "identifiers": strings.Join(usernames, ","), "auto_enroll": false, "email_students": false,
	}
	err = c.do(ctx, request{
		call: callBulkEnroll, method: http.MethodPost, path: pathBulkEnroll, json: body, pass: pass, items: len(usernames),
	}, &answer)
	for _, result := range answer.Courses[courseKey].Results {
		if result.After.Enrollment {
			enrolled = append(enrolled, result.Identifier)
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
