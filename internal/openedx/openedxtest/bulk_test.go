package openedxtest_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestBulkEnrollment(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Enroll("l061", courseOpen, "audit")
	lms.Unenroll("l061", courseOpen)
	got := svc.post(bulkPath, object{
		"action": "enroll", "auto_enroll": true, "courses": courseOpen,
		"identifiers": "l060@EXAMPLE.com, l061\nfresh@example.com,gone,bob",
	})
	wantStatus(t, "enroll", got, 200)
	wantEnrollment(t, lms, "l060", courseOpen, "verified active")
	wantEnrollment(t, lms, "l061", courseOpen, "verified active") // its former mode is forgotten
	wantEnrollment(t, lms, "gone", courseOpen, "none")            // retiring
	wantEnrollment(t, lms, "bob", courseOpen, "none")             // inactive
	results := member(got.Body, "courses", courseOpen, "results").([]any)
	state := func(user, enrolled, allowed, auto bool) object {
		return object{"user": user, "enrollment": enrolled, "allowed": allowed, "auto_enroll": auto}
	}
	want := []any{
		object{"identifier": "l060@EXAMPLE.com", "before": state(true, false, false, false), "after": state(true, true, false, false)},
		object{"identifier": "l061", "before": state(true, false, false, false), "after": state(true, true, false, false)},
		object{"identifier": "fresh@example.com", "before": state(false, false, false, false), "after": state(false, false, true, true)},
		object{"identifier": "gone", "invalidIdentifier": true},
		object{"identifier": "bob", "before": state(true, false, false, false), "after": state(true, false, true, true)},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("results (-want +got)\n%s", diff)
	}
	wantStatus(t, "registration", svc.form(registrationPath, registration("fresh", "fresh@example.com")), 200)
	wantEnrollment(t, lms, "fresh", courseOpen, "verified active")
}

func TestBulkEnrollmentRefusals(t *testing.T) {
	_, svc, _ := start(t)
	valid := func(change func(object)) object {
		body := object{"action": "enroll", "identifiers": "l060", "courses": courseOpen}
		change(body)
		return body
	}
	for _, test := range []struct {
		name   string
		body   any
		status int
		field  string
	}{
		{"no action", valid(func(b object) { delete(b, "action") }), 400, "action"},
		{"no courses", valid(func(b object) { delete(b, "courses") }), 400, "courses"},
		{"null", valid(func(b object) { b["courses"] = nil }), 400, "courses"},
		{"a number of courses", valid(func(b object) { b["courses"] = 5 }), 500, ""},
		{"a space before a key", valid(func(b object) { b["courses"] = courseOpen + ", " + courseAudit }), 400, "courses"},
		{"no boolean", valid(func(b object) { b["auto_enroll"] = "maybe" }), 400, "auto_enroll"},
		{"cohorts of fewer courses", valid(func(b object) { b["cohorts"] = "a,b" }), 400, "non_field_errors"},
		{"a list", []int{1}, 400, "non_field_errors"},
		{"mails", valid(func(b object) { b["email_students"] = true }), 404, "detail"},
		{"mails about no course", valid(func(b object) { b["courses"], b["email_students"] = "", true }), 200, "courses"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := svc.post(bulkPath, test.body)
			if got.Status != test.status || test.field != "" && member(got.Body, test.field) == nil {
				t.Errorf("%d %v, want %d with %q", got.Status, got.Body, test.status, test.field)
			}
		})
	}
	form := url.Values{"action": {"enroll"}, "identifiers": {"l060"}, "courses": {""}}
	wantStatus(t, "a form's empty courses are one key", svc.form(bulkPath, form), 400)
}

func TestWithoutPlugins(t *testing.T) {
	_, svc, _ := start(t, openedxtest.WithoutEoxCore(), openedxtest.WithoutBulkEnroll())
	wantStatus(t, "eox-core", svc.get("/eox-core/eox-info"), 404)
	wantStatus(t, "bulk", svc.post(bulkPath, object{}), 404)
}
