package openedxtest

import (
	"fmt"
	"net/http"
)

// postEnrollment is POST /api/enrollment/v1/enrollment. The order of its steps is the platform's, and shows in the answers.
func postEnrollment(c *call) answer {
	members, problem := c.object()
	if problem != nil {
		return *problem
	}
	key, refused := enrollmentCourse(members)
	if refused != nil {
		return *refused
	}
	username, refused := c.enrollmentUser(members)
	if refused != nil {
		return *refused
	}
	mode := members["mode"]
	if !c.caller.staff && mode != nil && mode != "audit" && mode != "honor" {
		return message(http.StatusForbidden, "User does not have permission to create enrollment with mode ["+pyString(mode)+"].")
	}
	learner := c.users[fold(username)]
	if learner == nil {
		return message(http.StatusNotAcceptable, "The user "+username+" does not exist.")
	}
	active, isBool := optionalBool(members["is_active"])
	if !isBool {
		return message(http.StatusBadRequest, "'"+pyString(members["is_active"])+"' is an invalid enrollment activation status.")
	}
	force, isBool := optionalBool(members["force_enrollment"])
	if !isBool {
		return message(http.StatusBadRequest, "'"+pyString(members["force_enrollment"])+"' is an invalid force enrollment status.")
	}
	attributes, readable := attributeNames(members["enrollment_attributes"])
	if !readable {
		return page(http.StatusInternalServerError)
	}
	w := enrollmentWish{
		learner:    learner,
		username:   username,
		key:        key,
		mode:       mode,
		active:     active,
		force:      force != nil && *force && c.caller.staff,
		attributes: members["enrollment_attributes"],
		named:      attributes,
		cohort:     members["cohort"],
	}
	return c.fulfil(w)
}

// enrollmentWish is what a well-formed POST asks for. Nil is not given.
type enrollmentWish struct {
	learner    *user
	username   string // as it was written
	key        string
	mode       any // a string, or what no course offers
	active     *bool
	force      bool
	attributes any
	named      map[string]bool // the attributes' names
	cohort     any
}

// enrollmentCourse is the course key of the body. What should be an object and is not makes the platform fail.
func enrollmentCourse(members object) (string, *answer) {
	var details any = object{}
	if given, present := members["course_details"]; present {
		details = given
	}
	course, isObject := details.(object)
	if !isObject {
		failed := page(http.StatusInternalServerError)
		return "", &failed
	}
	id := course["course_id"]
	if !truthy(id) {
		missing := message(http.StatusBadRequest, "Course ID must be specified to create a new enrollment.")
		return "", &missing
	}
	key, isText := id.(string)
	switch {
	case !isText:
		failed := page(http.StatusInternalServerError)
		return "", &failed
	case !validCourseKey(key):
		unknown := noSuchCourse(key)
		return "", &unknown
	}
	return key, nil
}

func noSuchCourse(key string) answer {
	return message(http.StatusBadRequest, "No course '"+key+"' found for enrollment")
}

// enrollmentUser is who shall be enrolled: a user, else whose address it is, else the caller.
// Others than staff hear nothing about anybody else.
func (c *call) enrollmentUser(members object) (string, *answer) {
	hidden := empty(http.StatusNotFound)
	if given := members["user"]; truthy(given) {
		if given != c.caller.username && !c.caller.staff {
			return "", &hidden
		}
		return pyString(given), nil
	}
	given := members["email"]
	if !truthy(given) {
		return c.caller.username, nil
	}
	if !c.caller.staff {
		return "", &hidden
	}
	u := c.emails[fold(pyString(given))]
	if u == nil {
		unknown := message(http.StatusNotAcceptable, "The user with the email address "+pyString(given)+" does not exist.")
		return "", &unknown
	}
	return u.username, nil
}

// fulfil changes the enrollment there is, or else goes the way of a new one.
func (c *call) fulfil(w enrollmentWish) answer {
	e := w.learner.enrollments[fold(w.key)]
	modeChanged := e != nil && w.mode != nil && w.mode != any(e.mode)
	activeChanged := e != nil && w.active != nil && *w.active != e.active
	if c.caller.staff && (modeChanged || activeChanged) {
		return c.changeEnrollment(w, e, modeChanged && activeChanged)
	}
	return c.addEnrollment(w)
}

// changeEnrollment asks only whether the course offers the mode: not whether it is open, or full.
func (c *call) changeEnrollment(w enrollmentWish, e *enrollment, both bool) answer {
	if both && !*w.active {
		return message(http.StatusBadRequest,
			"Enrollment mode mismatch: active mode="+e.mode+", requested mode="+pyString(w.mode)+". Won't deactivate.")
	}
	if w.mode == "credit" && len(w.named) > 0 && !w.named["credit:provider_id"] {
		return message(http.StatusBadRequest,
			"Missing enrollment attributes: requested mode=credit required attributes=['credit:provider_id']")
	}
	var mode *string
	if w.mode != nil {
		slug := pyString(w.mode)
		if refused := c.modeRefused(w, slug, false); refused != nil {
			return *refused
		}
		mode = &slug
	}
	c.set(e, mode, w.active)
	c.cost += costEnrollAgain
	return c.enrolled(w, e)
}

// addEnrollment makes, or makes active again. On an inactive enrollment that shall stay inactive it does both in turn,
// so that also this needs an open course.
func (c *call) addEnrollment(w enrollmentWish) answer {
	mode := pyString(w.mode)
	if w.mode == nil {
		mode = c.defaultMode(w.key)
	}
	if refused := c.modeRefused(w, mode, w.force); refused != nil {
		return *refused
	}
	e, why := c.create(w.learner, w.key, mode, w.active, c.caller, w.force)
	switch why {
	case noObstacle:
	case enrollExists:
		c.cost += costEnrollAgain
		return ok(c.enrollmentJSON(w.learner.enrollments[fold(w.key)]))
	default: // closed or full: it does not say which
		return message(http.StatusBadRequest, fmt.Sprintf(
			"An error occurred while creating the new course enrollment for user '%s' in course '%s'", w.username, w.key))
	}
	c.cost += costEnroll
	return c.enrolled(w, e)
}

// enrolled ends a call that changed something: attributes and cohort come last, and their mistakes undo nothing.
func (c *call) enrolled(w enrollmentWish, e *enrollment) answer {
	attributes, _ := w.attributes.([]any)
	for _, attribute := range attributes {
		if _, complete := attribute.(object)["value"]; !complete {
			text := "'value' not in enrollment attribute"
			return jsonAnswer(http.StatusBadRequest, object{"message": text, "localizedMessage": text})
		}
	}
	e.label(attributes)
	result := ok(c.enrollmentJSON(e))
	if w.cohort != nil { // no course here has cohorts
		return message(http.StatusBadRequest, "An error occured while adding to cohort ["+pyString(w.cohort)+"]") //nolint:misspell // the platform's spelling
	}
	return result
}

// modeRefused says that the course does not offer a mode, and what it offers. To deactivate, an expired mode will do.
func (c *call) modeRefused(w enrollmentWish, slug string, includeExpired bool) *answer {
	includeExpired = includeExpired || w.active != nil && !*w.active
	var refused answer
	switch c.checkMode(w.key, slug, includeExpired) {
	case courseNotFound:
		refused = noSuchCourse(w.key)
	case modeNotFound:
		refused = jsonAnswer(http.StatusBadRequest, object{
			"message":        fmt.Sprintf("The [%s] course mode is expired or otherwise unavailable for course run [%s].", pyString(w.mode), w.key),
			"course_details": c.courseDetails(c.courses[fold(w.key)], includeExpired),
		})
	default:
		return nil
	}
	return &refused
}

// optionalBool takes true, false and null, and nothing that merely looks like them.
func optionalBool(v any) (*bool, bool) {
	if v == nil {
		return nil, true
	}
	b, isBool := v.(bool)
	return &b, isBool
}

// attributeNames are "namespace:name" of each attribute. Attributes the platform cannot format make it fail.
func attributeNames(v any) (names map[string]bool, readable bool) {
	if !truthy(v) {
		return nil, true
	}
	attributes, isList := v.([]any)
	if !isList {
		return nil, false
	}
	names = map[string]bool{}
	for _, attribute := range attributes {
		members, isObject := attribute.(object)
		if !isObject {
			return nil, false
		}
		namespace, hasNamespace := members["namespace"]
		name, hasName := members["name"]
		if !hasNamespace || !hasName {
			return nil, false
		}
		names[pyString(namespace)+":"+pyString(name)] = true
	}
	return names, true
}

// enrollmentJSON is an enrollment with its course. Of a course that does not exist there are no details.
func (c *call) enrollmentJSON(e *enrollment) object {
	var details any
	if course := c.courses[fold(e.key)]; course != nil {
		details = c.courseDetails(course, false)
	}
	return object{
		"created":        timestamp(e.created),
		"mode":           e.mode,
		"is_active":      e.active,
		"course_details": details,
		"user":           e.user.username,
	}
}

// courseDetails is what the enrollment API tells of a course.
func (s *state) courseDetails(c *course, includeExpired bool) object {
	modes := []object{}
	for _, m := range s.modesOf(c.key, includeExpired) {
		modes = append(modes, object{
			"slug":                m.slug,
			"name":                m.name(),
			"min_price":           m.price,
			"suggested_prices":    "",
			"currency":            "usd",
			"expiration_datetime": timestamp(m.expires),
			"description":         nil,
			"sku":                 nil,
			"bulk_sku":            nil,
		})
	}
	return object{
		"course_id":        c.key,
		"course_name":      c.name,
		"enrollment_start": timestamp(c.enrollmentStart),
		"enrollment_end":   timestamp(c.enrollmentEnd),
		"course_start":     timestamp(c.start),
		"course_end":       timestamp(c.end),
		"invite_only":      c.invitationOnly,
		"course_modes":     modes,
		"pacing_type":      "Self Paced",
	}
}
