package openedxtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mayLookUpAccounts: by address or id only staff may ask.
func mayLookUpAccounts(c *call) bool {
	return c.query("email") == "" && c.query("lms_user_id") == "" || c.caller.staff
}

// me is GET /api/user/v1/me.
func me(c *call) answer { return ok(object{"username": c.caller.username}) }

// listAccounts is GET /api/user/v1/accounts: by usernames, else by address, else by id, else the caller.
func listAccounts(c *call) answer {
	usernames := []string{c.caller.username}
	switch email, id := c.query("email"), c.query("lms_user_id"); {
	case c.query("username") != "":
		if trimmed := strings.Trim(c.query("username"), ","); trimmed != "" {
			usernames = strings.Split(trimmed, ",")
		} else {
			usernames = []string{""}
		}
	case email != "":
		if retired := c.emails[retiredEmail(email)]; retired != nil {
			return retiredAnswer(retired, email)
		}
		u := c.emails[fold(email)]
		if u == nil {
			return empty(http.StatusNotFound)
		}
		usernames = []string{u.username}
	case id != "":
		n, err := strconv.Atoi(strings.TrimSpace(id))
		if err != nil {
			return empty(http.StatusBadRequest)
		}
		u := c.userByID(n)
		if u == nil {
			return empty(http.StatusNotFound)
		}
		usernames = []string{u.username}
	}
	found := c.usersNamed(usernames)
	if len(found) == 0 {
		return empty(http.StatusNotFound)
	}
	c.cost += costPerAccount * time.Duration(len(found))
	accounts := []object{}
	for _, u := range found {
		accounts = append(accounts, c.account(u))
	}
	return ok(accounts)
}

// retiredAnswer says that the owner of an address asked for retirement.
func retiredAnswer(u *user, email string) answer {
	body := object{"error_msg": "This email is associated to a retired account.", "can_cancel_retirement": false, "retirement_id": nil}
	if u.retirement != nil && fold(u.retirement.originalEmail) == fold(email) {
		body["can_cancel_retirement"], body["retirement_id"] = true, u.retirement.id
	}
	return jsonAnswer(http.StatusNotFound, body)
}

// readAccount is GET /api/user/v1/accounts/{username}.
func readAccount(c *call) answer {
	u := c.users[fold(c.vars["username"])]
	if u == nil {
		return empty(http.StatusNotFound)
	}
	return ok(c.account(u))
}

// searchEmails is POST /api/user/v1/accounts/search_emails: who has which of these addresses.
func searchEmails(c *call) answer {
	if !c.caller.staff {
		return jsonAnswer(http.StatusNotFound, object{"developer_message": "not_found", "user_message": "Not Found"})
	}
	members, problem := c.object()
	if problem != nil {
		return *problem
	}
	given, present := members["emails"]
	if !present {
		text := "'emails' field is required"
		return jsonAnswer(http.StatusBadRequest, object{"developer_message": text, "user_message": text})
	}
	var emails []string
	switch given := given.(type) {
	case []any:
		for _, email := range given {
			emails = append(emails, pyString(email))
		}
	case string, object:
		// Python goes through the letters, or the names; none is an address.
	default:
		return page(http.StatusInternalServerError)
	}
	c.cost += costPerAddress * time.Duration(len(emails))
	results := []object{}
	for _, u := range c.usersAt(emails) {
		results = append(results, object{"email": u.email, "id": u.id, "username": u.username})
	}
	return ok(results)
}

// nobodyMay is a permission that no account here has: not even staff deactivate accounts over the API.
func nobodyMay(*call) bool { return false }

// account is what the caller may see of an account: all of it as staff or of oneself, else what the person shares.
func (c *call) account(u *user) object {
	all := c.fullAccount(u)
	if (c.caller.staff || c.caller == u) && c.query("view") != "shared" {
		return all
	}
	shared := []string{"account_privacy", "profile_image", "username"}
	if all["account_privacy"] != privateAccount {
		shared = append(shared, "bio", "course_certificates", "country", "date_joined", "language_proficiencies",
			"level_of_education", "social_links", "time_zone")
	}
	visible := object{}
	for _, name := range shared {
		visible[name] = all[name]
	}
	return visible
}

const (
	privateAccount = "private"
	publicAccount  = "all_users"
	// parentalConsentAge is up to which age, and for want of a year of birth, an account is that of a child, and private.
	parentalConsentAge = 13
)

// fullAccount is an account as staff see it.
func (c *call) fullAccount(u *user) object {
	image := c.url("/static/images/profiles/default_")
	child := u.profile.yearOfBirth == 0 || c.clock.Now().Year()-u.profile.yearOfBirth-1 < parentalConsentAge
	privacy := publicAccount
	if child {
		privacy = privateAccount
	}
	account := object{
		"account_privacy": privacy,
		"profile_image": object{
			"has_image":        false,
			"image_url_full":   image + "500.png",
			"image_url_large":  image + "120.png",
			"image_url_medium": image + "50.png",
			"image_url_small":  image + "30.png",
		},
		"username":                  u.username,
		"bio":                       nil,
		"course_certificates":       nil,
		"country":                   orNull(u.profile.country),
		"date_joined":               u.joined.UTC().Format("2006-01-02T15:04:05Z"),
		"language_proficiencies":    []any{},
		"level_of_education":        orNull(u.profile.levelOfEducation),
		"social_links":              []any{},
		"time_zone":                 nil,
		"name":                      u.name,
		"email":                     u.email,
		"id":                        u.id,
		"verified_name":             nil,
		"extended_profile":          []any{},
		"gender":                    orNull(u.profile.gender),
		"state":                     nil,
		"goals":                     u.profile.goals,
		"is_active":                 u.active,
		"last_login":                timestamp(u.lastLogin),
		"mailing_address":           u.profile.mailingAddress,
		"requires_parental_consent": child,
		"secondary_email":           nil,
		"secondary_email_enabled":   nil,
		"year_of_birth":             nil,
		"phone_number":              nil,
		"activation_key":            orNull(u.activationKey),
		"pending_name_change":       nil,
	}
	if !u.profile.formFilled {
		account["goals"], account["mailing_address"] = orNull(u.profile.goals), orNull(u.profile.mailingAddress)
	}
	if u.profile.yearOfBirth != 0 {
		account["year_of_birth"] = u.profile.yearOfBirth
	}
	return account
}

// readOnlyAccountFields are refused when a person changes their account; the address takes another way.
var readOnlyAccountFields = []string{"username", "is_active", "date_joined", "profile_image", "requires_parental_consent"}

// changeAccount is PATCH /api/user/v1/accounts/{username}: everybody only their own, and of that here only the name and what was asked on registration.
func changeAccount(c *call) answer {
	if contentType := c.request.Header.Get("Content-Type"); contentType != mediaMergePatch {
		return c.view.refuse(refusal{
			status: http.StatusUnsupportedMediaType,
			detail: "Unsupported media type \"" + contentType + "\" in request.",
		})
	}
	changes, problem := c.object()
	if problem != nil {
		return *problem
	}
	if c.vars["username"] != c.caller.username {
		return empty(http.StatusForbidden)
	}
	problems := object{}
	for name := range changes {
		if slices.Contains(readOnlyAccountFields, name) {
			problems[name] = object{
				"developer_message": "This field is not editable via this API",
				"user_message":      "The '" + name + "' field cannot be edited.",
			}
		}
	}
	name, named := changes["name"].(string)
	if mistakes := nameMistakes(name); named && len(mistakes) > 0 {
		problems["name"] = object{
			"developer_message": "Error thrown from validate_name: '" + mistakes[0] + "'",
			"user_message":      mistakes[0],
		}
	}
	if len(problems) > 0 {
		return jsonAnswer(http.StatusBadRequest, object{"field_errors": problems})
	}
	if named {
		c.caller.name = name
	}
	setText := func(field *string, name string) {
		if text, isText := changes[name].(string); isText {
			*field = text
		}
	}
	profile := &c.caller.profile
	setText(&profile.goals, "goals")
	setText(&profile.mailingAddress, "mailing_address")
	setText(&profile.country, "country")
	setText(&profile.gender, "gender")
	setText(&profile.levelOfEducation, "level_of_education")
	if year, isNumber := changes["year_of_birth"].(json.Number); isNumber {
		profile.set("year_of_birth", year.String())
	}
	return ok(c.account(c.caller))
}
