package openedxtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// readEnrollment is GET /api/enrollment/v1/enrollment/{username},{course}. What is not there is an empty 200.
func readEnrollment(c *call) answer {
	username := c.vars["username"]
	if username == "" {
		username = c.caller.username
	}
	if username != c.caller.username && !c.caller.staff {
		return empty(http.StatusNotFound)
	}
	key := c.vars["course"]
	if !validCourseKey(key) {
		return page(http.StatusInternalServerError)
	}
	c.cost += costEnrollAgain
	u := c.users[fold(username)]
	if u == nil || u.enrollments[fold(key)] == nil {
		return empty(http.StatusOK)
	}
	return ok(c.enrollmentJSON(u.enrollments[fold(key)]))
}

// listOfUser is GET /api/enrollment/v1/enrollment?user=: the active enrollments in courses that exist, oldest first.
// Others than staff see nothing of other people, where the platform would show them the courses they teach.
func listOfUser(c *call) answer {
	username := c.caller.username
	if c.request.URL.Query().Has("user") {
		username = c.query("user")
	}
	list := []object{}
	u := c.users[fold(username)]
	if u == nil || username != c.caller.username && !c.caller.staff {
		return ok(list)
	}
	for _, e := range slices.Backward(newestFirst(u)) {
		if e.active && c.courses[fold(e.key)] != nil {
			list = append(list, c.enrollmentJSON(e))
		}
	}
	return ok(list)
}

// readRoles is GET /api/enrollment/v1/roles/. Nobody here has a role in a course.
func readRoles(c *call) answer {
	return ok(object{"roles": []any{}, "is_staff": c.caller.staff})
}

// courseDetailsLifetime is how long the platform serves a course's details from its cache.
const courseDetailsLifetime = time.Minute

type cachedDetails struct {
	until   time.Time
	details object
}

// readCourseDetails is GET /api/enrollment/v1/course/{course}.
func readCourseDetails(c *call) answer {
	key := c.vars["course"]
	if !validCourseKey(key) {
		return page(http.StatusInternalServerError)
	}
	includeExpired := c.query("include_expired") != ""
	cacheKey := fmt.Sprintf("%s %t", key, includeExpired)
	if cached, found := c.detailsCache[cacheKey]; found && c.clock.Now().Before(cached.until) {
		return ok(cached.details)
	}
	course := c.courses[fold(key)]
	if course == nil {
		return message(http.StatusBadRequest, "No course found for course ID '"+key+"'")
	}
	details := c.courseDetails(course, includeExpired)
	c.detailsCache[cacheKey] = cachedDetails{until: c.clock.Now().Add(courseDetailsLifetime), details: details}
	return ok(details)
}

const (
	maxFilterValues = 100
	maxPageSize     = 100
)

// listEnrollments is GET /api/enrollment/v1/enrollments: active and inactive ones, newest first, in pages.
// Enrollments in courses that do not exist are not among them.
func listEnrollments(c *call) answer {
	filter, mistakes := c.enrollmentFilter()
	if len(mistakes) > 0 {
		return jsonAnswer(http.StatusBadRequest, object{"field_errors": mistakes})
	}
	var found []*enrollment
	for _, u := range c.filteredUsers(filter) {
		for _, e := range u.enrollments {
			if c.courses[fold(e.key)] != nil && filter.takes(e.key) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, laterFirst)
	shown, next, previous, valid := c.pageOf(found)
	if !valid {
		return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Invalid cursor"})
	}
	results := []object{}
	for _, e := range shown {
		results = append(results, object{
			"created":   timestamp(e.created),
			"mode":      e.mode,
			"is_active": e.active,
			"user":      e.user.username,
			"course_id": c.storedKey(e.key),
		})
	}
	return ok(object{"next": next, "previous": previous, "results": results})
}

// enrollmentFilter is what narrows the list; nil is not given.
type enrollmentFilter struct {
	usernames, emails, courseParts []string
	course                         string
}

func (c *call) enrollmentFilter() (enrollmentFilter, object) {
	mistakes := object{}
	wrong := func(field, text string) { mistakes[field] = object{"developer_message": text} }
	values := func(parameter, plural string) []string {
		text := strings.TrimSpace(c.query(parameter))
		if text == "" {
			return nil
		}
		list := strings.Split(text, ",")
		if len(list) > maxFilterValues {
			wrong(parameter, fmt.Sprintf("Too many %s in a single request - %d. A maximum of %d is allowed", plural, len(list), maxFilterValues))
		}
		return list
	}
	filter := enrollmentFilter{
		usernames:   values("username", "usernames"),
		emails:      values("email", "emails"),
		courseParts: values("course_ids", "course_ids"),
		course:      strings.TrimSpace(c.query("course_id")),
	}
	if len(filter.usernames) <= maxFilterValues && !allMatch(filter.usernames) {
		wrong("username", badUsername)
	}
	if filter.course != "" && !validCourseKey(filter.course) {
		wrong("course_id", "'"+filter.course+"' is not a valid course id.")
	}
	return filter, mistakes
}

func allMatch(usernames []string) bool {
	for _, username := range usernames {
		if !usernameRule.MatchString(username) {
			return false
		}
	}
	return true
}

func (s *state) filteredUsers(filter enrollmentFilter) []*user {
	switch named, addressed := s.usersNamed(filter.usernames), s.usersAt(filter.emails); {
	case filter.usernames != nil && filter.emails != nil:
		return slices.DeleteFunc(named, func(u *user) bool { return !slices.Contains(addressed, u) })
	case filter.usernames != nil:
		return named
	case filter.emails != nil:
		return addressed
	default:
		return slices.Collect(maps.Values(s.users))
	}
}

// takes tells whether a course passes: course_id names it, and one of course_ids is part of its key.
func (f enrollmentFilter) takes(key string) bool {
	if f.course != "" && fold(f.course) != fold(key) {
		return false
	}
	return f.courseParts == nil || slices.ContainsFunc(f.courseParts, func(part string) bool {
		return strings.Contains(strings.ToLower(key), strings.ToLower(part))
	})
}

func newestFirst(u *user) []*enrollment {
	return slices.SortedFunc(maps.Values(u.enrollments), laterFirst)
}

func laterFirst(a, b *enrollment) int { return b.id - a.id }
