package openedxtest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// register is POST /api/user/v1/account/registration/. It takes forms only, and does not care who asks.
func register(c *call) answer {
	limit, err := parseRateLimit(c.settings.RegistrationRateLimit)
	if err == nil && c.exceeded("registration", limit) {
		return jsonAnswer(http.StatusForbidden, object{"error_code": "forbidden-request"})
	}
	form := c.form()
	if form.Get("honor_code") != "" && !form.Has("terms_of_service") {
		form.Set("terms_of_service", form.Get("honor_code"))
	}
	if conflict := c.registrationConflict(form); conflict != nil {
		return *conflict
	}
	if country := form.Get("country"); country != "" && !countries[country] {
		return fieldErrors(http.StatusBadRequest, "invalid-country", map[string][]string{
			"country": {"Select your country or region of residence"},
		})
	}
	if mistakes := registrationMistakes(form); len(mistakes) > 0 {
		return fieldErrors(http.StatusBadRequest, "validation-error", mistakes)
	}
	c.hashPassword()
	username, email := strings.TrimSpace(form.Get("username")), strings.TrimSpace(form.Get("email"))
	switch {
	case c.usernameTaken(username):
		return fieldErrors(http.StatusConflict, "duplicate-username", map[string][]string{
			"username": {fmt.Sprintf("An account with the Public Username '%s' already exists.", username)},
		})
	case c.emailTaken(email):
		return fieldErrors(http.StatusConflict, "duplicate-email", map[string][]string{
			"email": {fmt.Sprintf("An account with the Email '%s' already exists.", email)},
		})
	}
	u := c.createAccount(form)
	u.lastLogin = c.clock.Now()
	c.tellOfUser(u, "student.registration.completed")
	if c.settings.SkipEmailValidation && c.activate(u) {
		return page(http.StatusInternalServerError) // the account stays
	}
	return ok(object{
		"authenticated_user": object{"username": u.username, "full_name": u.name, "user_id": u.id},
		"success":            true,
		"redirect_url":       c.url("/dashboard"),
	}).with("Set-Cookie", "sessionid="+randomHex()+"; HttpOnly; Path=/; SameSite=Lax")
}

// registrationConflict looks for who has the username or address already. A registration that is under way does not show yet:
// two at once can both pass here, and the database then refuses the later one in other words.
func (c *call) registrationConflict(form url.Values) *answer {
	body := object{}
	code := "duplicate"
	if form.Has("email") && c.emailTaken(form.Get("email")) {
		code += "-email"
		body["email"] = userMessages([]string{"This email is already associated with an existing account"})
	}
	if username := form.Get("username"); form.Has("username") && c.usernameTaken(username) {
		code += "-username"
		body["username"] = userMessages([]string{"It looks like this username is already taken"})
		body["username_suggestions"] = c.usernameSuggestions(username)
	}
	if len(body) == 0 {
		return nil
	}
	body["error_code"] = code
	conflict := jsonAnswer(http.StatusConflict, body)
	return &conflict
}

// usernameSuggestions are three free names like a taken one. There are none for letters a username cannot have.
func (c *call) usernameSuggestions(username string) []string {
	suggestions := []string{}
	if !usernameRule.MatchString(username) {
		return suggestions
	}
	for n := 1; len(suggestions) < 3; n++ {
		if suggestion := username + "_" + strconv.Itoa(n); !c.usernameTaken(suggestion) {
			suggestions = append(suggestions, suggestion)
		}
	}
	return suggestions
}

// createAccount makes an inactive account of a valid form.
func (s *state) createAccount(form url.Values) *user {
	u := s.addUser(strings.TrimSpace(form.Get("username")), strings.TrimSpace(form.Get("email")),
		strings.TrimSpace(form.Get("name")), form.Get("password"))
	year, _ := strconv.Atoi(form.Get("year_of_birth")) // not a number: not known
	u.profile = profile{
		formFilled:       true,
		country:          form.Get("country"),
		levelOfEducation: form.Get("level_of_education"),
		gender:           form.Get("gender"),
		mailingAddress:   form.Get("mailing_address"),
		goals:            form.Get("goals"),
		yearOfBirth:      year,
	}
	return u
}

const (
	usernameMinLength = 2
	usernameMaxLength = 30
	emailMinLength    = 3
	emailMaxLength    = 254
	nameMaxLength     = 255

	badUsername       = "Usernames can only contain letters (A-Z, a-z), numerals (0-9), underscores (_), and hyphens (-)."
	badUsernameLength = "Username must be between 2 and 30 characters long."
	badEmail          = "A properly formatted e-mail is required"
	noName            = "Your legal name must be a minimum of one character long"
)

var usernameRule = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// registrationMistakes are what is wrong with each field of a registration.
func registrationMistakes(form url.Values) map[string][]string {
	mistakes := accountMistakes(form)
	password := form.Get("password")
	if trimmed := strings.TrimSpace(password); trimmed == "" {
		mistakes["password"] = []string{"This field is required."}
	} else {
		username, email := strings.TrimSpace(form.Get("username")), strings.TrimSpace(form.Get("email"))
		if mistakes["username"] != nil {
			username = ""
		}
		if mistakes["email"] != nil {
			email = ""
		}
		if found := passwordMistakes(trimmed, username, email); len(found) > 0 {
			mistakes["password"] = found
		}
	}
	if !strings.EqualFold(form.Get("terms_of_service"), "true") {
		mistakes["terms_of_service"] = []string{"You must accept the terms of service."}
	}
	if !strings.EqualFold(form.Get("honor_code"), "true") {
		mistakes["honor_code"] = []string{"To enroll, you must follow the honor code."}
	}
	return mistakes
}

// accountMistakes are what is wrong with the fields that make an account, whoever makes it.
func accountMistakes(form url.Values) map[string][]string {
	mistakes := map[string][]string{}
	if found := usernameMistakes(strings.TrimSpace(form.Get("username"))); len(found) > 0 {
		mistakes["username"] = found
	}
	if found := emailMistakes(strings.TrimSpace(form.Get("email"))); len(found) > 0 {
		mistakes["email"] = found
	}
	name := strings.TrimSpace(form.Get("name"))
	found := nameMistakes(name)
	switch {
	case name == "":
		found = []string{noName}
	case utf8.RuneCountInString(name) > nameMaxLength:
		found = append(found, fmt.Sprintf("Your legal name is too long. It must not exceed %d characters", nameMaxLength))
	}
	if len(found) > 0 {
		mistakes["name"] = found
	}
	return mistakes
}

func usernameMistakes(username string) []string {
	if username == "" {
		return []string{badUsernameLength}
	}
	var mistakes []string
	if !usernameRule.MatchString(username) {
		mistakes = append(mistakes, badUsername)
	}
	if length := utf8.RuneCountInString(username); length < usernameMinLength || length > usernameMaxLength {
		mistakes = append(mistakes, badUsernameLength)
	}
	return mistakes
}

func emailMistakes(email string) []string {
	if email == "" {
		return []string{badEmail}
	}
	var mistakes []string
	if !validEmail(email) {
		mistakes = append(mistakes, badEmail)
	}
	switch length := utf8.RuneCountInString(email); {
	case length < emailMinLength:
		mistakes = append(mistakes, fmt.Sprintf("Ensure this value has at least %d characters (it has %d).", emailMinLength, length))
	case length > emailMaxLength:
		mistakes = append(mistakes, fmt.Sprintf("Email cannot be more than %d characters long", emailMaxLength))
	}
	return mistakes
}

// nameMistakes are what no name may have in it.
func nameMistakes(name string) []string {
	switch {
	case strings.ContainsAny(name, "<>"):
		return []string{"Full Name cannot contain the following characters: < >"}
	case strings.Contains(name, "://"):
		return []string{"Enter a valid name"}
	}
	return nil
}

var (
	emailUser   = regexp.MustCompile("(?i)^(" + emailAtom + `(\.` + emailAtom + ")*|" + `"([\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*"` + ")$")
	emailDomain = regexp.MustCompile(`(?i)^(([\pL\pN]([\pL\pN-]{0,61}[\pL\pN])?\.)+([\pL\pN-]{1,62}[\pL\pN])|localhost|\[[0-9a-f.:]+\])$`)
)

const emailAtom = "[-!#$%&'*+/=?^_`{}|~0-9A-Z]+"

// validEmail is Django's idea of an address.
func validEmail(email string) bool {
	at := strings.LastIndexByte(email, '@')
	return at > 0 && len(email) <= 320 && emailUser.MatchString(email[:at]) && emailDomain.MatchString(email[at+1:])
}

// fieldErrors is a refused form: what is wrong with each field.
func fieldErrors(status int, code string, mistakes map[string][]string) answer {
	body := object{"error_code": code}
	for field, texts := range mistakes {
		body[field] = userMessages(texts)
	}
	return jsonAnswer(status, body)
}

func userMessages(texts []string) []object {
	var messages []object
	for _, text := range texts {
		messages = append(messages, object{"user_message": text})
	}
	return messages
}
