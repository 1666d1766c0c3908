package openedxtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// siteDomain is the one site of the platform. It is a setting, not what the caller dialled.
const siteDomain = "127.0.0.1:18000"

// eoxInfo is GET /eox-core/eox-info.
func eoxInfo(*call) answer {
	return ok(object{"version": "12.4.0", "name": "eox-core", "git": ""})
}

// eoxUserInfo is GET /eox-core/api/v1/userinfo/.
func eoxUserInfo(c *call) answer {
	return ok(object{
		"user":         c.caller.username,
		"email":        c.caller.email,
		"auth":         strings.Fields(c.request.Header.Get("Authorization"))[1],
		"is_superuser": false,
		"is_staff":     true,
	})
}

// eoxParameters are those of the URL, or for want of any the body.
func (c *call) eoxParameters() (object, *answer) {
	query := c.request.URL.Query()
	if len(query) == 0 {
		return c.object()
	}
	parameters := object{}
	for name := range query {
		parameters[name] = c.query(name)
	}
	return parameters, nil
}

// eoxUser finds the account that parameters name, by username before address. It sees only accounts of the site.
func (c *call) eoxUser(parameters object) (*user, *refusal) {
	username, email := parameters["username"], parameters["email"]
	named, value, u := "username", pyString(username), c.users[fold(pyString(username))]
	switch {
	case !truthy(username) && !truthy(email):
		return nil, &refusal{status: http.StatusBadRequest, detail: []string{"Email or username needed"}}
	case !truthy(username):
		named, value, u = "email", pyString(email), c.emails[fold(pyString(email))]
	}
	if u == nil || !u.onSite && !c.eoxSeesAll {
		text := "No user found by {'" + named + "': " + pyRepr(value) + "} on site " + siteDomain + "."
		return nil, &refusal{status: http.StatusNotFound, detail: text}
	}
	return u, nil
}

// readEoxUser is GET /eox-core/api/v1/user/.
func readEoxUser(c *call) answer {
	parameters, problem := c.eoxParameters()
	if problem != nil {
		return *problem
	}
	u, refused := c.eoxUser(parameters)
	if refused != nil {
		return c.view.refuse(*refused)
	}
	account := c.fullAccount(u)
	_, byUsername := parameters["username"]
	_, byEmail := parameters["email"]
	if byUsername && byEmail {
		account["warning"] = "The username prevails over the email when both are provided to get the user."
	}
	return ok(account)
}

// createEoxUser is POST /eox-core/api/v1/user/. It asks less of a password than registration, and fails where its form
// and the platform's disagree. The account is inactive unless activate_user is set, whatever the platform does otherwise.
func createEoxUser(c *call) answer {
	data, problem := c.data()
	if problem != nil {
		return *problem
	}
	members, isObject := data.(object)
	if !isObject {
		return page(http.StatusInternalServerError)
	}
	f := &fields{given: members, form: c.isForm()}
	email := f.email("email")
	username, _ := f.text("username", usernameMaxLength, true)
	name, _ := f.text("fullname", nameMaxLength, true)
	var password string
	if !truthy(members["skip_password"]) {
		password, _ = f.text("password", 0, true)
	}
	activate, _ := f.truth("activate_user", false)
	f.truth("skip_password", false)
	form := url.Values{"email": {email}, "username": {username}, "name": {name}, "password": {password}}
	c.profileFields(f, func(name, value string) { form.Set(name, value) })
	if len(f.mistakes) == 0 {
		var taken []string
		if c.usernameTaken(username) {
			taken = append(taken, "username")
		}
		if c.emailTaken(email) {
			taken = append(taken, "email")
		}
		if len(taken) > 0 {
			f.wrong(nonFieldErrors, "Account already exists with the provided: "+strings.Join(taken, ", "))
		}
	}
	if len(f.mistakes) > 0 {
		return jsonAnswer(http.StatusBadRequest, f.mistakes)
	}
	if len(accountMistakes(form)) > 0 {
		return page(http.StatusInternalServerError)
	}
	c.hashPassword()
	if c.usernameTaken(username) || c.emailTaken(email) || activate && c.allowancesFail(nil, email) {
		return page(http.StatusInternalServerError) // nothing of the account stays
	}
	u := c.createAccount(form)
	if activate {
		c.activate(u)
	}
	return ok(object{"email": u.email, "username": u.username, "is_active": u.active, "is_staff": false, "is_superuser": false})
}

// profileFields reads what an account tells about a person, as far as the platform's defaults have fields for it.
func (c *call) profileFields(f *fields, take func(name, value string)) {
	choice := func(name string, options []object) {
		var words []string
		for _, option := range options[1:] {
			words = append(words, option["value"].(string))
		}
		if value, given := f.choice(name, false, words...); given {
			take(name, value)
		}
	}
	choice("gender", genders)
	choice("level_of_education", educationLevels)
	choice("year_of_birth", yearsOfBirth(c.clock.Now().Year()))
	for _, name := range []string{"goals", "mailing_address"} {
		if value, given := f.text(name, 0, false); given {
			take(name, value)
		}
	}
}

// updateEoxUser is PATCH /eox-core/api/v1/update-user/.
func updateEoxUser(c *call) answer {
	members, problem := c.object()
	if problem != nil {
		return *problem
	}
	u, refused := c.eoxUser(members)
	if refused != nil {
		return c.view.refuse(*refused)
	}
	f := &fields{given: members, partial: true}
	name, named := f.text("fullname", nameMaxLength, false)
	password, newPassword := f.text("password", 0, false)
	active, activity := f.truth("is_active", false)
	changes := map[string]string{}
	c.profileFields(f, func(name, value string) { changes[name] = value })
	if len(f.mistakes) > 0 {
		return jsonAnswer(http.StatusBadRequest, f.mistakes)
	}
	if u.staff {
		return jsonAnswer(http.StatusBadRequest, object{"detail": []string{"You can't update users with roles like staff or superuser."}})
	}
	if activity && active && !u.active && c.allowancesFail(u, u.email) {
		return page(http.StatusInternalServerError) // nothing of the change stays
	}
	if named {
		u.name = name
	}
	if newPassword {
		u.password = password
	}
	switch {
	case activity && active:
		c.activate(u)
	case activity:
		u.active = false
	}
	for name, value := range changes {
		u.profile.set(name, value)
	}
	return ok(c.fullAccount(u))
}

// replaceEoxEmail is PATCH /eox-core/support-api/v1/user/replace-email/: the URL names the account, the body the address. It
// was read in the plugin's source, not recorded.
func replaceEoxEmail(c *call) answer {
	parameters, problem := c.eoxParameters()
	if problem != nil {
		return *problem
	}
	u, refused := c.eoxUser(parameters)
	if refused != nil {
		return c.view.refuse(*refused)
	}
	members, problem := c.object()
	if problem != nil {
		return *problem
	}
	f := &fields{given: members, form: c.isForm()}
	email := f.email("new_email")
	switch {
	case len(f.mistakes) > 0:
	case c.emailTaken(email):
		f.put("detail", []string{"An account already exists with the provided username or email."})
	case u.staff:
		f.put("detail", []string{"You can't update users with roles like staff or superuser."})
	}
	if len(f.mistakes) > 0 {
		return jsonAnswer(http.StatusBadRequest, f.mistakes)
	}
	if u.active && c.allowancesFail(u, email) {
		return page(http.StatusInternalServerError) // nothing of the change stays
	}
	c.setEmail(u, email)
	return ok(c.fullAccount(u))
}

func (p *profile) set(name, value string) {
	switch name {
	case "gender":
		p.gender = value
	case "level_of_education":
		p.levelOfEducation = value
	case "year_of_birth":
		p.yearOfBirth, _ = strconv.Atoi(value) // one of the choices
	case "goals":
		p.goals = value
	case "mailing_address":
		p.mailingAddress = value
	}
}

// knownToEox tells whether a validation of eox-core takes an account for existing: even a retired one will do.
func (s *state) knownToEox(username, email string) bool {
	return username != "" && s.usernameTaken(username) || email != "" && s.emailTaken(email)
}
