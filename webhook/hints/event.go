package hints

import (
	"encoding/json"
	"net/url"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// hint is what an event of the LMS tells.
type hint struct {
	platform client.ObjectKey
	// username and email are whom it is about; courseKey is empty where it is about the account only.
	username, email, courseKey, mode string
	active                           bool
}

// learner is an account as all events tell of it.
type learner struct {
	PII struct {
		Username string `json:"username"`
		Email    string `json:"email"`
	} `json:"pii"`
}

// event is what the plugin sends, as far as it says something here.
type event struct {
	Enrollment struct {
		User   learner `json:"user"`
		Course struct {
			Key string `json:"course_key"`
		} `json:"course"`
		Mode   string `json:"mode"`
		Active bool   `json:"is_active"`
	} `json:"openedx_events.learning.data.CourseEnrollmentData"`
	User learner `json:"openedx_events.learning.data.UserData"` // of a registration and of a login
}

// parse reads an event as the openedx-webhooks plugin sends it, in JSON or as a form; false for one that says nothing here.
func parse(mediaType string, body []byte) (hint, bool) {
	var told event
	if strings.HasPrefix(mediaType, "application/x-www-form-urlencoded") {
		told.readForm(string(body))
	} else if json.Unmarshal(body, &told) != nil {
		return hint{}, false
	}
	if e := told.Enrollment; e.Course.Key != "" {
		return hint{username: e.User.PII.Username, email: e.User.PII.Email, courseKey: e.Course.Key, mode: e.Mode, active: e.Active}, true
	}
	return hint{username: told.User.PII.Username, email: told.User.PII.Email}, told.User.PII.Email != ""
}

// readForm reads a form, in which the names of nested members are joined with _ and the values are written as Python does.
func (e *event) readForm(body string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return
	}
	const enrollment, user = "openedx_events.learning.data.CourseEnrollmentData_", "openedx_events.learning.data.UserData_"
	e.Enrollment.User.PII.Username = form.Get(enrollment + "user_pii_username")
	e.Enrollment.User.PII.Email = form.Get(enrollment + "user_pii_email")
	e.Enrollment.Course.Key = form.Get(enrollment + "course_course_key")
	e.Enrollment.Mode = form.Get(enrollment + "mode")
	e.Enrollment.Active = form.Get(enrollment+"is_active") == "True"
	e.User.PII.Username, e.User.PII.Email = form.Get(user+"pii_username"), form.Get(user+"pii_email")
}
