package openedxtest

import (
	"net/http"
	"slices"
	"strings"
)

// eoxWish is one enrollment asked of eox-core.
type eoxWish struct {
	username, email string
	course, bundle  string
	mode            string
	active, force   bool
	attributes      []any // nil: not given
}

// postEoxEnrollment is POST /eox-core/api/v1/enrollment/, of one enrollment or a list.
func postEoxEnrollment(c *call) answer { return c.eoxEnrollments((*call).createEox) }

// putEoxEnrollment is PUT /eox-core/api/v1/enrollment/: it changes what there is.
func putEoxEnrollment(c *call) answer { return c.eoxEnrollments((*call).updateEox) }

// eoxEnrollments does what a valid body asks for. If part of a list is not valid nothing is done;
// what fails after that fails for itself, and makes the answer a 202.
func (c *call) eoxEnrollments(do func(*call, eoxWish) (any, *refusal)) answer {
	data, problem := c.data()
	if problem != nil {
		return *problem
	}
	items, many := data.([]any)
	if !many {
		items = []any{data}
	}
	single, _ := data.(object)
	_, program := single["bundle_id"] // may be several courses, so the answer is a list
	var wishes []eoxWish
	mistakes := []any{}
	invalid := false
	for _, item := range items {
		wish, wrong, readable := c.eoxWish(item)
		if !readable {
			return page(http.StatusInternalServerError)
		}
		invalid = invalid || len(wrong) > 0
		if wrong == nil {
			wrong = object{}
		}
		mistakes = append(mistakes, wrong)
		wishes = append(wishes, wish)
	}
	if invalid {
		return c.eoxAnswer(http.StatusBadRequest, mistakes, many)
	}
	c.cost += costEoxList
	if !many {
		c.transit = transitEoxSingle
	}
	status := http.StatusOK
	results := []any{}
	for _, wish := range wishes {
		result, refused := do(c, wish)
		if refused != nil {
			status = http.StatusAccepted
			failed := wish.json()
			failed["error"] = object{"detail": refused.detail}
			result = failed
		}
		results = append(results, result)
	}
	return c.eoxAnswer(status, results, many || program)
}

// eoxAnswer is a list for a list and the one element for one.
func (c *call) eoxAnswer(status int, list []any, many bool) answer {
	if many {
		return jsonAnswer(status, list)
	}
	return jsonAnswer(status, list[0])
}

// eoxWish reads and checks one enrollment. A course key that is none makes the plugin fail.
func (c *call) eoxWish(item any) (wish eoxWish, mistakes object, readable bool) {
	members, isObject := item.(object)
	if !isObject {
		return wish, expectedObject(item), true
	}
	f := &fields{given: members, form: c.isForm()}
	wish.username, _ = f.text("username", usernameMaxLength, false)
	wish.email, _ = f.text("email", 255, false)
	wish.mode, _ = f.text("mode", 100, true)
	wish.bundle, _ = f.text("bundle_id", 255, false)
	wish.active, _ = f.truth("is_active", true)
	wish.force, _ = f.truth("force", false)
	wish.attributes = f.attributes("enrollment_attributes")
	if course, given := f.value("course_id", false); given {
		text, isText := course.(string)
		if !isText || !validCourseKey(text) {
			return wish, nil, false
		}
		wish.course = text
	}
	if len(f.mistakes) == 0 {
		if texts := c.eoxMistakes(wish, !wish.active); len(texts) > 0 {
			f.wrong(nonFieldErrors, strings.Join(texts, ", "))
		}
	}
	return wish, f.mistakes, true
}

// attributes reads enrollment attributes.
func (f *fields) attributes(name string) []any {
	v, given := f.value(name, false)
	if !given {
		return nil
	}
	list, isList := v.([]any)
	if !isList {
		f.put(name, object{nonFieldErrors: []string{"Expected a list of items but got type \"" + pyType(v) + "\"."}})
		return nil
	}
	attributes, mistakes := []any{}, []any{}
	valid := true
	for _, item := range list {
		members, isObject := item.(object)
		a := &fields{given: members, mistakes: object{}}
		if !isObject {
			a.mistakes = expectedObject(item)
		} else {
			namespace, _ := a.text("namespace", 0, true)
			key, _ := a.text("name", 0, true)
			value, _ := a.text("value", 0, true)
			attributes = append(attributes, object{"namespace": namespace, "name": key, "value": value})
		}
		mistakes = append(mistakes, a.mistakes)
		valid = valid && len(a.mistakes) == 0
	}
	if !valid {
		f.put(name, mistakes)
		return nil
	}
	return attributes
}

// eoxMistakes are what the plugin checks of an enrollment; only without force it looks at the course.
func (c *call) eoxMistakes(wish eoxWish, includeExpired bool) []string {
	switch {
	case wish.bundle != "" && wish.course != "":
		return []string{"You have to provide a course_id or bundle_id but not both"}
	case wish.bundle == "" && wish.course == "":
		return []string{"You have to provide a course_id or bundle_id"}
	case wish.email == "" && wish.username == "":
		return []string{"Email or username needed"}
	case !c.knownToEox(wish.username, wish.email):
		return []string{"User not found"}
	case !slices.Contains(allModes, wish.mode):
		return []string{"Invalid mode given:" + wish.mode}
	case wish.course == "" || wish.force:
		return nil
	}
	switch c.checkMode(wish.course, wish.mode, includeExpired) {
	case modeNotFound:
		return []string{"Mode not found"}
	case courseNotFound:
		return []string{"Course not found"}
	}
	return nil
}

// createEox enrolls. With force an enrollment that is there is changed, and a refused one made past every check, even where
// the course does not exist: a running LMS was seen to do so, whatever its source suggests.
func (c *call) createEox(wish eoxWish) (any, *refusal) {
	u, refused := c.eoxUser(wish.who())
	if refused != nil {
		return nil, refused
	}
	if wish.bundle != "" { // programs come from a catalog, which is asked as a user who is not there
		return nil, &refusal{detail: "DoesNotExist('User matching query does not exist.')"}
	}
	if texts := c.eoxMistakes(wish, false); len(texts) > 0 { // this time without regard to is_active
		return object{"username": "", "is_active": false, "mode": "", "enrollment_attributes": []any{}, "course_id": nil, "messages": texts}, nil
	}
	e, why := c.create(u, wish.course, wish.mode, &wish.active, c.caller, false)
	switch {
	case why == noObstacle:
		c.cost += costEoxEach
		return wish.done(e), nil
	case why == enrollExists && wish.force:
		c.cost += costEoxAgain
		e = u.enrollments[fold(wish.course)]
		c.set(e, &wish.mode, &wish.active)
		return wish.done(e), nil
	case why == enrollExists:
		c.cost += costEoxAgain
		return nil, &refusal{detail: string(why) + "(''), use force to update the existing enrollment"}
	case !wish.force:
		return nil, &refusal{detail: string(why)}
	}
	c.cost += costEoxEach
	e = c.enroll(u, wish.course, c.defaultMode(wish.course))
	c.set(e, &wish.mode, &wish.active)
	e.label(wish.attributes)
	return e.eoxJSON(), nil // on this way the plugin forgets to show the attributes
}

// done is the answer to an enrollment made the regular way.
func (wish eoxWish) done(e *enrollment) object {
	e.label(wish.attributes)
	result := e.eoxJSON()
	result["course_id"] = wish.course // as it was written
	result["enrollment_attributes"] = nil
	if wish.attributes != nil {
		result["enrollment_attributes"] = wish.attributes
	}
	return result
}

func (e *enrollment) eoxJSON() object {
	return object{
		"username":  e.user.username,
		"is_active": e.active,
		"mode":      e.mode,
		"course_id": e.key,
		"created":   timestamp(e.created),
	}
}

// updateEox changes an enrollment; its answer names the person otherwise than everywhere else.
func (c *call) updateEox(wish eoxWish) (any, *refusal) {
	u, refused := c.eoxUser(wish.who())
	switch {
	case refused != nil:
		return nil, refused
	case wish.course == "":
		return nil, &refusal{detail: []string{"You have to provide a course_id for updates"}}
	}
	e := u.enrollments[fold(wish.course)]
	if e == nil {
		return nil, &refusal{detail: "No enrollment found for " + u.username}
	}
	c.cost += costEoxAgain
	c.set(e, &wish.mode, &wish.active)
	e.label(wish.attributes)
	var attributes any
	if wish.attributes != nil {
		attributes = wish.attributes
	}
	return object{"user": u.username, "course_id": wish.course, "mode": e.mode, "is_active": e.active, "enrollment_attributes": attributes}, nil
}

func (wish eoxWish) who() object { return object{"username": wish.username, "email": wish.email} }

// json is the wish as a failed one is sent back.
func (wish eoxWish) json() object {
	echo := object{
		"username":  orNull(wish.username),
		"is_active": wish.active,
		"mode":      wish.mode,
		"course_id": orNull(wish.course),
		"email":     orNull(wish.email),
		"force":     wish.force,
		"bundle_id": orNull(wish.bundle),
	}
	if wish.attributes != nil {
		echo["enrollment_attributes"] = wish.attributes
	}
	return echo
}

// readEoxEnrollment is GET /eox-core/api/v1/enrollment/.
func readEoxEnrollment(c *call) answer {
	u, key, problem := c.eoxPair()
	switch {
	case problem != nil:
		return *problem
	case !validCourseKey(key):
		return jsonAnswer(http.StatusNotFound, []string{"No course found for course_id `" + key + "`"})
	}
	e := u.enrollments[fold(key)]
	if e == nil {
		return jsonAnswer(http.StatusNotFound, []string{"No enrollment found for user:`" + u.username + "`"})
	}
	result := e.eoxJSON()
	result["course_id"] = key
	result["enrollment_attributes"] = append([]any{}, e.attributes...)
	return ok(result)
}

// deleteEoxEnrollment is DELETE /eox-core/api/v1/enrollment/: the record is gone after it.
// The plugin stumbles over its own complaint about a key that is none, here as where it enrolls.
func deleteEoxEnrollment(c *call) answer {
	u, key, problem := c.eoxPair()
	switch {
	case problem != nil:
		return *problem
	case !validCourseKey(key):
		return page(http.StatusInternalServerError)
	case u.enrollments[fold(key)] == nil:
		return c.view.refuse(refusal{
			status: http.StatusNotFound,
			detail: "No enrollment found for user: `" + u.username + "` on course_id `" + key + "`",
		})
	}
	delete(u.enrollments, fold(key))
	return empty(http.StatusNoContent)
}

// eoxPair is the account and the course that parameters name.
func (c *call) eoxPair() (*user, string, *answer) {
	parameters, problem := c.eoxParameters()
	if problem != nil {
		return nil, "", problem
	}
	u, refused := c.eoxUser(parameters)
	if refused == nil && !truthy(parameters["course_id"]) {
		refused = &refusal{status: http.StatusBadRequest, detail: []string{"You have to provide a course_id"}}
	}
	if refused != nil {
		a := c.view.refuse(*refused)
		return nil, "", &a
	}
	return u, pyString(parameters["course_id"]), nil
}
