package openedxtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestEventsAreSentAsThePluginDoes(t *testing.T) {
	var bodies []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, r.Header.Get("Content-Type")+" "+string(body))
	}))
	defer hook.Close()
	course := openedxtest.DemoCourses[0].ID

	for _, asForm := range []bool{false, true} {
		bodies = nil
		lms := openedxtest.Start(t, openedxtest.DemoWorld())
		lms.SendEvents(hook.URL, hook.Client(), asForm)
		lms.Enroll("jchen", course, "audit")
		lms.Unenroll("jchen", course)
		lms.LogInFirst("ada", "ada@acme.com", "Ada Love")
		var kinds []string
		for _, body := range bodies {
			kinds = append(kinds, kindOf(t, body, asForm))
		}
		want := []string{
			"org.openedx.learning.course.enrollment.created.v1", "org.openedx.learning.course.enrollment.changed.v1",
			"org.openedx.learning.course.unenrollment.completed.v1", "org.openedx.learning.student.registration.completed.v1",
			"org.openedx.learning.auth.session.login.completed.v1",
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("as a form: %t, sent %v", asForm, kinds)
		}
	}
}

// kindOf gives the kind of an event, and sees whether that of an enrollment has its learner.
func kindOf(t *testing.T, body string, asForm bool) string {
	t.Helper()
	const enrollment = "openedx_events.learning.data.CourseEnrollmentData"
	if asForm {
		form, err := url.ParseQuery(body[len("application/x-www-form-urlencoded "):])
		if err != nil {
			t.Fatal(err)
		}
		if active := form.Get(enrollment + "_is_active"); active != "" && (active != "True" && active != "False" || form.Get(enrollment+"_user_pii_username") != "jchen") {
			t.Errorf("sent %v", form)
		}
		return form.Get("event_metadata_event_type")
	}
	var event map[string]struct {
		Kind string `json:"event_type"`
		User struct {
			PII struct{ Username string } `json:"pii"`
		} `json:"user"`
	}
	if err := json.Unmarshal([]byte(body[len("application/json "):]), &event); err != nil {
		t.Fatal(err)
	}
	if told, ok := event[enrollment]; ok && told.User.PII.Username != "jchen" {
		t.Errorf("sent %s", body)
	}
	return event["event_metadata"].Kind
}
