package openedxtest

import "net/http"

// listAllowed is GET /api/enrollment/v1/enrollment_allowed/: the pre-enrollments of an address, or of the caller's.
func listAllowed(c *call) answer {
	email := c.query("email")
	if email == "" {
		email = c.caller.email
	}
	list := []object{}
	for _, a := range c.allowed[fold(email)] {
		list = append(list, a.json())
	}
	return ok(list)
}

// allow is POST /api/enrollment/v1/enrollment_allowed/. It asks neither for a good address nor whether the course exists.
func allow(c *call) answer {
	members, email, key, problem := c.allowedBody()
	if problem != nil {
		return *problem
	}
	autoEnroll, given := members["auto_enroll"]
	if !given {
		autoEnroll = false
	}
	value, isBool := modelBool(autoEnroll)
	switch {
	case !isBool && autoEnroll != nil:
		return page(http.StatusInternalServerError)
	case !isBool, len(c.allowancesOf(email, key)) > 0: // the database's objection to null passes for a conflict too
		return message(http.StatusConflict, "An enrollment allowed with email "+email+" and course "+key+" already exists.")
	}
	return jsonAnswer(http.StatusCreated, c.addAllowance(email, key, value).json())
}

// disallow is DELETE /api/enrollment/v1/enrollment_allowed/.
func disallow(c *call) answer {
	_, email, key, problem := c.allowedBody()
	if problem != nil {
		return *problem
	}
	if !c.removeAllowance(email, key) {
		return message(http.StatusNotFound, "An enrollment allowed with email "+email+" and course "+key+" doesn't exists.")
	}
	return empty(http.StatusNoContent)
}

// allowedBody is the address and course of a body. A key that is none makes the platform fail.
func (c *call) allowedBody() (members object, email, key string, problem *answer) {
	members, problem = c.object()
	if problem != nil {
		return nil, "", "", problem
	}
	if !truthy(members["email"]) || !truthy(members["course_id"]) {
		missing := message(http.StatusBadRequest, "Please provide a value for 'email' and 'course_id' in the request data.")
		return nil, "", "", &missing
	}
	key, isText := members["course_id"].(string)
	if !isText || !validCourseKey(key) {
		failed := page(http.StatusInternalServerError)
		return nil, "", "", &failed
	}
	return members, pyString(members["email"]), key, nil
}

func (a *allowance) json() object {
	var userID any
	if a.user != nil {
		userID = a.user.id
	}
	return object{
		"email":       a.email,
		"course_id":   a.key,
		"auto_enroll": a.autoEnroll,
		"created":     timestamp(a.created),
		"user":        userID,
	}
}

// modelBool is what the database takes for a truth value.
func modelBool(v any) (value, isBool bool) {
	switch pyString(v) {
	case "True", "t", "1":
		return true, true
	case "False", "f", "0":
		return false, true
	}
	return false, false
}
