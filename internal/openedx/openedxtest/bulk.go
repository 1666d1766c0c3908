package openedxtest

import (
	"net/http"
	"slices"
	"strings"
)

// bulkEnroll is POST /api/bulk_enroll/v1/bulk_enroll. It enrolls into anything, open or not, there or not.
func bulkEnroll(c *call) answer {
	data, problem := c.data()
	if problem != nil {
		return *problem
	}
	wish, mistakes, readable := c.bulkWish(data)
	switch {
	case !readable:
		return page(http.StatusInternalServerError)
	case len(mistakes) > 0:
		return jsonAnswer(http.StatusBadRequest, mistakes)
	}
	courses := object{}
	for _, key := range wish.courses {
		if wish.emailStudents { // mails tell of a course's content, and the recorded platform had none of any course
			return c.view.refuse(refusal{status: http.StatusNotFound, detail: "Course not found: " + key + "."})
		}
		results := []object{}
		for _, identifier := range wish.identifiers {
			results = append(results, c.bulkOne(wish, key, identifier))
		}
		courses[key] = object{"action": wish.action, "auto_enroll": wish.autoEnroll, "results": results}
	}
	return ok(object{
		"action":         wish.action,
		"auto_enroll":    wish.autoEnroll,
		"email_students": wish.emailStudents,
		"courses":        courses,
	})
}

type bulkWish struct {
	action                    string
	identifiers, courses      []string
	autoEnroll, emailStudents bool
}

// bulkWish reads the body. What the platform takes apart without looking makes it fail if it is of the wrong kind.
func (c *call) bulkWish(data any) (wish bulkWish, mistakes object, readable bool) {
	members, isObject := data.(object)
	if !isObject {
		return wish, expectedObject(data), true
	}
	f := &fields{given: members, form: c.isForm()}
	identifiers, _ := f.text("identifiers", 0, true)
	wish.identifiers = strings.FieldsFunc(identifiers, func(r rune) bool { return strings.ContainsRune(", \n\r\t\f\v", r) })
	wish.action, _ = f.choice("action", true, "enroll", "unenroll")
	wish.autoEnroll, _ = f.truth("auto_enroll", false)
	wish.emailStudents, _ = f.truth("email_students", false)
	courses, coursesReadable := f.commaList("courses", true)
	cohorts, cohortsReadable := f.commaList("cohorts", false)
	if !coursesReadable || !cohortsReadable {
		return wish, nil, false
	}
	wish.courses = courses
	if i := slices.IndexFunc(courses, func(key string) bool { return !validCourseKey(key) }); i >= 0 {
		f.wrong("courses", "Course key not valid: "+courses[i])
	}
	if len(f.mistakes) == 0 && len(cohorts) > 0 {
		f.wrong(nonFieldErrors, wish.cohortMistake(cohorts))
	}
	return wish, f.mistakes, true
}

// commaList reads a string of parts; of a list only the first element.
func (f *fields) commaList(name string, required bool) (parts []string, readable bool) {
	v, present := f.value(name, required)
	if present && f.form {
		v = []any{v}
	}
	if !present || !truthy(v) {
		return nil, true
	}
	if list, isList := v.([]any); isList {
		v = list[0]
	}
	text, isText := v.(string)
	if !isText {
		return nil, false
	}
	return strings.Split(text, ","), true
}

// cohortMistake is why cohorts cannot be: no course here has any.
func (w bulkWish) cohortMistake(cohorts []string) string {
	switch {
	case w.action != "enroll":
		return "Cohorts can only be used for enrollments."
	case len(cohorts) != len(w.courses):
		return "If provided, the cohorts and courses should have equal number of items."
	default:
		return "cohort " + cohorts[0] + " not found in course " + w.courses[0] + "."
	}
}

// bulkOne treats one person in one course.
func (c *call) bulkOne(wish bulkWish, key, identifier string) object {
	c.cost += costEnroll
	email := identifier
	u := c.emails[fold(identifier)]
	if u == nil {
		u = c.users[fold(identifier)]
	}
	if u != nil && u.username == identifier && u.retirement != nil {
		u = nil // on its way to be nobody, but only if spelt as it is
	}
	if u != nil {
		email = u.email
	}
	if !validEmail(email) {
		return object{"identifier": identifier, "invalidIdentifier": true}
	}
	before := c.bulkState(key, email)
	if wish.action == "enroll" {
		c.bulkEnrollOne(u, key, email, wish.autoEnroll)
	} else {
		if u != nil && u.enrollments[fold(key)] != nil {
			c.set(u.enrollments[fold(key)], nil, new(false))
		}
		c.removeAllowance(email, key)
	}
	return object{"identifier": identifier, "before": before, "after": c.bulkState(key, email)}
}

// bulkEnrollOne enrolls an active account, which keeps the mode of an active enrollment; of all other addresses
// that nobody retired it only notes that they may come.
func (c *call) bulkEnrollOne(u *user, key, email string, autoEnroll bool) {
	switch {
	case u != nil && u.active:
		if e := u.enrollments[fold(key)]; e == nil || !e.active {
			c.enroll(u, key, c.defaultMode(key))
		}
	case c.emailRetired(email):
	default:
		if allowances := c.allowancesOf(email, key); len(allowances) > 0 {
			allowances[0].autoEnroll = autoEnroll
		} else {
			c.addAllowance(email, key, autoEnroll)
		}
	}
}

// bulkState is what an address has to do with a course.
func (c *call) bulkState(key, email string) object {
	u := c.emails[fold(email)]
	allowances := slices.DeleteFunc(c.allowancesOf(email, key), func(a *allowance) bool {
		return u != nil && a.user != nil && a.user != u
	})
	enrolled := false
	if u != nil {
		e := u.enrollments[fold(key)]
		enrolled = e != nil && e.active
	}
	return object{
		"user":        u != nil,
		"enrollment":  enrolled,
		"allowed":     len(allowances) > 0,
		"auto_enroll": len(allowances) > 0 && allowances[0].autoEnroll,
	}
}
