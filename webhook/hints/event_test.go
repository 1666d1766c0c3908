package hints

import (
	"net/url"
	"strings"
	"testing"
)

// The bodies are of the shape that openedx-webhooks gives them: attrs.asdict under the name of the data's class, in JSON, or
// flattened into a form.
func TestParse(t *testing.T) {
	const (
		jsonType = "application/json"
		formType = "application/x-www-form-urlencoded; charset=utf-8"
	)
	enrolled := hint{username: "ada", email: "ada@acme.com", courseKey: "course-v1:GK+1+1", mode: "audit", active: true}
	withdrawn := enrolled
	withdrawn.active = false
	account := hint{username: "ada", email: "ada@acme.com"}
	const ada = `{"id": 4, "is_active": true, "pii": {"username": "ada", "email": "ada@acme.com", "name": "Ada"}}`
	enrollmentJSON := func(active string) string {
		return `{"openedx_events.learning.data.CourseEnrollmentData": {"user": ` + ada + `, "course": {"course_key": "course-v1:GK+1+1",
			"display_name": "One", "start": null, "end": null}, "mode": "audit", "is_active": ` + active + `, "created_by": null},
			"event_metadata": {"event_type": "org.openedx.learning.course.enrollment.changed.v1"}}`
	}
	form := func(prefix string, pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set("openedx_events.learning.data."+prefix+pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	enrollmentForm := func(active string) string {
		return form("CourseEnrollmentData_", "user_pii_username", "ada", "user_pii_email", "ada@acme.com",
			"course_course_key", "course-v1:GK+1+1", "mode", "audit", "is_active", active)
	}
	for name, test := range map[string]struct {
		mediaType, body string
		want            hint
		ok              bool
	}{
		"enrolled":                 {jsonType, enrollmentJSON("true"), enrolled, true},
		"withdrawn":                {jsonType, enrollmentJSON("false"), withdrawn, true},
		"enrolled, form":           {formType, enrollmentForm("True"), enrolled, true},
		"withdrawn, form":          {formType, enrollmentForm("False"), withdrawn, true},
		"login":                    {jsonType, `{"openedx_events.learning.data.UserData": ` + ada + `}`, account, true},
		"login, form":              {formType, form("UserData_", "pii_username", "ada", "pii_email", "ada@acme.com"), account, true},
		"an event of other sorts":  {jsonType, `{"openedx_events.learning.data.CohortData": {}, "event_metadata": {}}`, hint{}, false},
		"the same as a form":       {formType, form("CohortData_", "name", "x"), hint{}, false},
		"nobody":                   {jsonType, `{"openedx_events.learning.data.UserData": {}}`, hint{}, false},
		"an enrollment in nothing": {jsonType, `{"openedx_events.learning.data.CourseEnrollmentData": {"user": ` + ada + `}}`, hint{}, false},
		"no JSON":                  {jsonType, `{`, hint{}, false},
		"no form":                  {formType, `%`, hint{}, false},
		"nothing":                  {"", "", hint{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := parse(test.mediaType, []byte(test.body)); ok != test.ok || ok && got != test.want {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
	if _, ok := parse(jsonType, []byte(strings.Repeat("[", maxBody))); ok {
		t.Error("a list is no event")
	}
}
