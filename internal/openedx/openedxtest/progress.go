package openedxtest

import (
	"net/http"
	"strconv"
)

// readProgress is GET /api/course_home/progress/{course}/{id}: of somebody by the number of the account, to staff and to
// themselves. Nobody completes anything here: progress is what a test has set.
func readProgress(c *call) answer {
	absent := c.view.refuse(refusal{status: http.StatusNotFound, detail: "Not found."})
	key := c.vars["course"]
	id, err := strconv.Atoi(c.vars["id"])
	if err != nil || c.courses[fold(key)] == nil {
		return absent
	}
	u := c.userByID(id)
	if u == nil || u != c.caller && !c.caller.staff {
		return absent
	}
	e := u.enrollments[fold(key)]
	switch {
	case !c.caller.staff && (e == nil || !e.active):
		return jsonAnswer(http.StatusUnauthorized, "User not enrolled.")
	case e == nil:
		e = &enrollment{user: u, key: key}
	case e.progress.Hidden:
		return absent
	}
	return ok(object{
		"access_expiration": nil,
		"certificate_data":  nil,
		"completion_summary": object{
			"complete_count": e.progress.Complete, "incomplete_count": e.progress.Incomplete, "locked_count": e.progress.Locked,
		},
		"course_grade":    object{"letter_grade": orNull(e.grade.Letter), "percent": e.grade.Percent, "is_passing": e.grade.Passed},
		"enrollment_mode": orNull(e.mode),
		"section_scores":  []any{},
		"username":        u.username,
	})
}
