package openedxtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// asked is for whom the course API shall answer: without a username for nobody. Only staff may ask for others.
func (c *call) asked(username string) (*user, *refusal) {
	switch {
	case username == "":
		return nil, nil
	case c.caller != nil && username == c.caller.username:
		return c.caller, nil
	case c.caller == nil:
		return nil, &refusal{status: http.StatusForbidden, detail: notPermitted}
	case !c.caller.staff:
		return nil, &refusal{status: http.StatusForbidden, detail: notPermitted}
	}
	u := c.users[fold(username)]
	if u == nil {
		return nil, &refusal{status: http.StatusNotFound, detail: "User matching query does not exist."}
	}
	return u, nil
}

// readCourse is GET /api/courses/v1/courses/{course}.
func readCourse(c *call) answer {
	key := c.vars["course"]
	if !validCourseKey(key) {
		return invalidCourseKey("course_key", key)
	}
	u, refused := c.asked(c.query("username"))
	if refused != nil {
		return c.view.refuse(*refused)
	}
	course := c.courses[fold(key)]
	if course == nil {
		return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Course not found."})
	}
	body := c.courseJSON(course)
	body["overview"] = nil
	if c.query("username") != "" {
		e := u.enrollments[fold(key)]
		body["is_enrolled"] = e != nil && e.active
	}
	return ok(body)
}

const (
	coursePageSize    = 10
	courseMaxPageSize = 500
)

// listCourses is GET and POST /api/courses/v1/courses/, by course key.
func listCourses(c *call) answer {
	filter, problem := c.courseFilter()
	if problem != nil {
		return *problem
	}
	if _, refused := c.asked(filter.username); refused != nil {
		return c.view.refuse(*refused)
	}
	var found []*course
	for _, course := range slices.SortedFunc(maps.Values(c.courses), func(a, b *course) int { return strings.Compare(fold(a.key), fold(b.key)) }) {
		if filter.takes(course) {
			found = append(found, course)
		}
	}
	size := coursePageSize
	if n, err := strconv.Atoi(c.query("page_size")); err == nil && n > 0 {
		size = min(n, courseMaxPageSize)
	}
	pages := max(1, (len(found)+size-1)/size)
	number := 1
	if text := c.query("page"); text != "" {
		n, err := strconv.Atoi(text)
		if text == "last" {
			n, err = pages, nil
		}
		if err != nil || n < 1 || n > pages {
			return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Invalid page."})
		}
		number = n
	}
	results := []object{}
	for _, course := range found[(number-1)*size : min(number*size, len(found))] {
		results = append(results, c.courseJSON(course))
	}
	return ok(object{"results": results, "pagination": object{
		"next":      c.pageURL(number+1, pages),
		"previous":  c.pageURL(number-1, pages),
		"count":     len(found),
		"num_pages": pages,
	}})
}

// courseFilter is what narrows the list of courses, and for whom it is.
type courseFilter struct {
	username, org string
	keys          []string // nil: any
}

// courseFilter reads the parameters of the URL or, of a POST, those of the body.
func (c *call) courseFilter() (courseFilter, *answer) {
	given := object{}
	for name := range c.request.URL.Query() {
		given[name] = c.query(name)
	}
	if c.request.Method == http.MethodPost {
		body, problem := c.object()
		if problem != nil {
			return courseFilter{}, problem
		}
		given = body
	}
	text := func(name string) string {
		if given[name] == nil {
			return ""
		}
		return strings.TrimSpace(pyString(given[name]))
	}
	filter := courseFilter{username: text("username"), org: text("org")}
	if keys := text("course_keys"); keys != "" {
		filter.keys = strings.Split(keys, ",")
	}
	for _, key := range filter.keys {
		if !validCourseKey(key) {
			wrong := invalidCourseKey("course_keys", key)
			return filter, &wrong
		}
	}
	return filter, nil
}

func (f courseFilter) takes(course *course) bool {
	org, _ := courseKeyParts(course.key)
	named := f.keys == nil || slices.ContainsFunc(f.keys, func(key string) bool { return fold(key) == fold(course.key) })
	return named && (f.org == "" || strings.EqualFold(f.org, org))
}

func invalidCourseKey(field, key string) answer {
	return jsonAnswer(http.StatusBadRequest, object{"field_errors": object{
		field: object{"developer_message": "'" + key + "' is not a valid course key."},
	}})
}

// pageURL is the address of another page, null if there is none.
func (c *call) pageURL(number, pages int) any {
	if number < 1 || number > pages {
		return nil
	}
	query := c.request.URL.Query()
	query.Set("page", strconv.Itoa(number))
	return c.url(c.request.URL.Path) + "?" + query.Encode()
}

// courseJSON is a course as the course API has it.
func (c *call) courseJSON(course *course) object {
	org, number := courseKeyParts(course.key)
	image := c.url(c.request.URL.Path)
	return object{
		"blocks_url":       c.url("/api/courses/v2/blocks/?" + url.Values{"course_id": {course.key}}.Encode()),
		"effort":           nil,
		"end":              timestamp(course.end),
		"enrollment_start": timestamp(course.enrollmentStart),
		"enrollment_end":   timestamp(course.enrollmentEnd),
		"id":               course.key,
		"course_id":        course.key,
		"media": object{
			"banner_image": object{"uri": "", "uri_absolute": ""},
			"course_image": object{"uri": ""},
			"course_video": object{"uri": nil},
			"image":        object{"raw": image, "small": image, "large": image},
		},
		"name":              course.name,
		"number":            number,
		"org":               org,
		"short_description": nil,
		"start":             timestamp(course.start),
		"start_display":     shortDate(course.start),
		"start_type":        "timestamp",
		"pacing":            "self",
		"mobile_available":  false,
		"hidden":            false,
		"invitation_only":   course.invitationOnly,
	}
}

// shortDate is a date in the style of the Associated Press, which abbreviates the longer months.
func shortDate(t time.Time) string {
	months := []string{"Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."}
	t = t.UTC()
	return fmt.Sprintf("%s %d, %d", months[t.Month()-1], t.Day(), t.Year())
}

// listCourseModes is GET /api/course_modes/v1/courses/{course}/: the modes a course has been given, expired or not.
func listCourseModes(c *call) answer {
	key := c.vars["course"]
	modes := []object{}
	course := c.courses[fold(key)]
	if course == nil {
		return ok(modes)
	}
	for _, m := range course.modes {
		modes = append(modes, object{
			"course_id":                       course.key,
			"mode_slug":                       m.slug,
			"mode_display_name":               m.name(),
			"min_price":                       m.price,
			"currency":                        "usd",
			"expiration_datetime":             timestamp(m.expires),
			"expiration_datetime_is_explicit": !m.expires.IsZero(),
			"description":                     nil,
			"sku":                             nil,
			"bulk_sku":                        nil,
		})
	}
	return ok(modes)
}
