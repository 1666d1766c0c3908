package openedxtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// mayReadGrades: staff, and everybody their own, in whatever letters.
func mayReadGrades(c *call) bool {
	return c.caller.staff || strings.EqualFold(c.query("username"), c.caller.username)
}

// readGrades is GET /api/grades/v1/courses/{course}/: of one person, or of all with an active enrollment.
// No course here has a grading policy: grades are what a test has set.
func readGrades(c *call) answer {
	refused := func(code, text string) answer {
		return jsonAnswer(http.StatusNotFound, object{"developer_message": text, "error_code": code})
	}
	key := c.vars["course"]
	if !validCourseKey(key) {
		return refused("invalid_course_key", "The provided course key cannot be parsed.")
	}
	if c.courses[fold(key)] == nil {
		return refused("course_does_not_exist", "Requested grade for unknown course "+key)
	}
	username := c.query("username")
	if username == "" {
		return c.allGrades(key)
	}
	u := c.users[fold(username)]
	if u == nil {
		return refused("user_does_not_exist", "The user matching the requested username does not exist.")
	}
	e := u.enrollments[fold(key)]
	if e == nil {
		return refused("user_not_enrolled", "The user matching the requested username is not enrolled in this course")
	}
	return ok([]object{c.grade(e)})
}

// gradePageSize is how many grades a page holds that is not told otherwise.
const gradePageSize = 50

// allGrades are those of everybody with an active enrollment, page by page. Its cursors count, where the platform's name an enrollment.
func (c *call) allGrades(key string) answer {
	var active []*enrollment
	for _, u := range c.users {
		if e := u.enrollments[fold(key)]; e != nil && e.active && !e.noGrade {
			active = append(active, e)
		}
	}
	slices.SortFunc(active, laterFirst)
	slices.Reverse(active)
	size := gradePageSize
	if n, err := strconv.Atoi(c.query("page_size")); err == nil && n > 0 {
		size = n
	}
	cursor, err := parseCursor(c.query("cursor"))
	if err != nil {
		return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Invalid cursor"})
	}
	begin := min(cursor.offset, len(active))
	end := min(begin+size, len(active))
	results := []object{}
	for _, e := range active[begin:end] {
		results = append(results, c.grade(e))
	}
	var next, previous any
	if end < len(active) {
		next = c.cursorURL(listCursor{offset: end})
	}
	if begin > 0 {
		previous = c.cursorURL(listCursor{offset: max(0, begin-size)})
	}
	return ok(object{"next": next, "previous": previous, "results": results})
}

func (c *call) grade(e *enrollment) object {
	return object{
		"username":     e.user.username,
		"email":        "",
		"course_id":    c.storedKey(e.key),
		"passed":       e.grade.Passed,
		"percent":      e.grade.Percent,
		"letter_grade": orNull(e.grade.Letter),
	}
}

// mayReadCertificates: staff, and everybody their own.
func mayReadCertificates(c *call) bool {
	return c.caller.staff || c.vars["username"] == c.caller.username
}

// readCertificate is GET /api/certificates/v0/certificates/{username}/courses/{course}/. There are none.
func readCertificate(c *call) answer {
	code := "no_certificate_for_user"
	if !validCourseKey(c.vars["course"]) {
		code = "course_id_not_valid"
	}
	return jsonAnswer(http.StatusNotFound, object{"error_code": code})
}

// listCertificates is GET /api/certificates/v0/certificates/{username}/.
func listCertificates(*call) answer { return ok([]any{}) }
