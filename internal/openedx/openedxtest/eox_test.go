package openedxtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func eoxEnroll(user, course, mode string, more ...any) object {
	body := object{"username": user, "course_id": course, "mode": mode}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

func TestEoxEnrollment(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Enroll("l071", courseOpen, "audit")
	wantStatus(t, "registration", svc.form(registrationPath, registration("newbie", "newbie@example.com")), 200)
	for _, test := range []struct {
		name   string
		method string
		body   any
		status int
		detail any // of the error; nil: none
		holds  string
	}{
		{"closed", "POST", eoxEnroll("l070", courseClosed, "audit"), 202, "CourseEnrollmentClosedError", ""},
		{"full", "POST", eoxEnroll("l070", courseFull, "audit"), 202, "CourseEnrollmentFullError", ""},
		{"invitation only", "POST", eoxEnroll("l070", courseInvite, "audit"), 200, nil, ""},
		{"no such course", "POST", eoxEnroll("l070", courseGhost, "audit"), 400, nil, ""},
		{"no such course, forced", "POST", eoxEnroll("l070", courseGhost, "audit", "force", true), 200, nil, ""},
		{"no mode of the course, forced", "POST", eoxEnroll("l070", courseOpen, "honor", "force", true), 200, nil, "honor active"},
		{"no mode at all", "POST", eoxEnroll("l070", courseOpen, "nonsense", "force", true), 400, nil, "honor active"},
		{"change", "PUT", eoxEnroll("l070", courseOpen, "verified"), 200, nil, "verified active"},
		{"change of a list", "PUT", []object{
			eoxEnroll("l070", courseOpen, "verified", "is_active", false), eoxEnroll("l070", courseAudit, "audit"),
		}, 202, nil, "verified inactive"},
		{"an account it does not see", "POST", eoxEnroll("newbie", courseOpen, "audit"), 202,
			"No user found by {'username': 'newbie'} on site 127.0.0.1:18000.", ""},
		{"a retired address", "POST", object{"email": "gone@example.com", "course_id": courseOpen, "mode": "audit"}, 202,
			"No user found by {'email': 'gone@example.com'} on site 127.0.0.1:18000.", ""},
		{"null", "POST", eoxEnroll("l070", courseOpen, "audit", "force", nil), 400, nil, ""},
		{"one bad key spoils a list", "POST", []object{eoxEnroll("l072", courseOpen, "audit"), eoxEnroll("l072", "nonsense", "audit")}, 500, nil, ""},
		{"no object", "POST", "x", 400, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := svc.do(test.method, eoxEnrollPath, test.body)
			wantStatus(t, test.name, got, test.status)
			if detail := member(got.Body, "error", "detail"); test.detail != nil && detail != test.detail {
				t.Errorf("detail %q, want %q", detail, test.detail)
			}
			if test.holds != "" {
				wantEnrollment(t, lms, "l070", courseOpen, test.holds)
			}
		})
	}
	wantEnrollment(t, lms, "l072", courseOpen, "none")
}

func TestEoxEnrollmentAttributes(t *testing.T) {
	_, svc, _ := start(t)
	attributes := []any{object{"namespace": "order", "name": "number", "value": "7"}}
	wantStatus(t, "incomplete", svc.post(eoxEnrollPath, eoxEnroll("l070", courseOpen, "audit", "enrollment_attributes", []object{{"name": "x"}})), 400)
	former := []object{{"namespace": "order", "name": "number", "value": "6"}}
	wantStatus(t, "former", svc.post(eoxEnrollPath, eoxEnroll("l070", courseOpen, "audit", "enrollment_attributes", former)), 200)
	made := svc.post(eoxEnrollPath, eoxEnroll("l070", courseOpen, "audit", "force", true, "enrollment_attributes", attributes))
	read := svc.get(eoxEnrollPath + "?username=l070&course_id=course-v1:GK%2B1234A%2B2017")
	for _, got := range []reply{made, read} {
		if diff := cmp.Diff(attributes, member(got.Body, "enrollment_attributes")); diff != "" {
			t.Errorf("attributes (-want +got)\n%s", diff)
		}
	}
}

func TestEoxDelete(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Enroll("l070", courseOpen, "audit")
	body := object{"username": "l070", "course_id": courseOpen}
	wantStatus(t, "by body", svc.do("DELETE", eoxEnrollPath, body), 204)
	wantStatus(t, "again", svc.do("DELETE", eoxEnrollPath, body), 404)
	wantStatus(t, "no course", svc.do("DELETE", eoxEnrollPath, object{"username": "l070"}), 400)
	wantStatus(t, "no key", svc.do("DELETE", eoxEnrollPath, object{"username": "l070", "course_id": "nonsense"}), 500)
}

// TestEoxProgram: programs are not there, and a wish for one is answered with a list.
func TestEoxProgram(t *testing.T) {
	_, svc, _ := start(t)
	for method, want := range map[string]any{
		"POST": "DoesNotExist('User matching query does not exist.')",
		"PUT":  []any{"You have to provide a course_id for updates"},
	} {
		got := svc.do(method, eoxEnrollPath, object{"username": "l070", "bundle_id": "b", "mode": "audit"})
		wantStatus(t, method, got, 202)
		list, _ := got.Body.([]any)
		if len(list) != 1 {
			t.Fatalf("%s: %v, want a list of one", method, got.Body)
		}
		if diff := cmp.Diff(want, member(list[0], "error", "detail")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", method, diff)
		}
	}
}

func TestEoxUsers(t *testing.T) {
	lms, svc, _ := start(t)
	person := func(username string, more ...any) object {
		body := object{"username": username, "email": username + "@acme.com", "fullname": "Some Body", "password": "x"}
		for i := 0; i < len(more); i += 2 {
			body[more[i].(string)] = more[i+1]
		}
		return body
	}
	wantStatus(t, "long username", svc.post(eoxUserPath, person("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")), 400)
	wantStatus(t, "short username", svc.post(eoxUserPath, person("x")), 500)
	wantStatus(t, "markup", svc.post(eoxUserPath, person("markup", "fullname", "<b>")), 500)
	wantStatus(t, "education", svc.post(eoxUserPath, person("learned", "level_of_education", "x")), 400)
	wantStatus(t, "allow", svc.post(allowedPath, object{"email": "eva@acme.com", "course_id": courseOpen, "auto_enroll": true}), 201)
	wantStatus(t, "inactive", svc.post(eoxUserPath, person("eva")), 200)
	wantEnrollment(t, lms, "eva", courseOpen, "none")
	lms.SetActive("eva", true)
	wantEnrollment(t, lms, "eva", courseOpen, "verified active")

	wantStatus(t, "update", svc.do("PATCH", "/eox-core/api/v1/update-user/", object{"email": "BOB@example.com", "is_active": true, "fullname": "Bob"}), 200)
	if bob, _ := lms.Account("bob"); !bob.Active || bob.Name != "Bob" {
		t.Errorf("bob is %+v", bob)
	}
	wantStatus(t, "nobody", svc.do("PATCH", "/eox-core/api/v1/update-user/", object{"fullname": "Bob"}), 400)
	wantStatus(t, "blank", svc.do("PATCH", "/eox-core/api/v1/update-user/", object{"username": "bob", "fullname": " "}), 400)
}

func TestEoxReplacesAddresses(t *testing.T) {
	lms, svc, _ := start(t)
	const path = "/eox-core/support-api/v1/user/replace-email/"
	wantStatus(t, "registration", svc.form(registrationPath, registration("newbie", "newbie@example.com")), 200)
	wantStatus(t, "pre-enroll", svc.post(allowedPath, object{"email": "moved@example.com", "course_id": courseOpen, "auto_enroll": true}), 201)
	for _, test := range []struct {
		name, user, email string
		status            int
		mistake           string // the member that says what is wrong
	}{
		{"nobody is named", "", "moved@example.com", 400, ""},
		{"an account it does not see", "?username=newbie", "moved@example.com", 404, "detail"},
		{"an address that somebody has", "?username=l070", "L071@example.com", 400, "detail"},
		{"a retired address", "?username=l070", "gone@example.com", 400, "detail"},
		{"a recovery address", "?username=l070", "erin.alt@example.com", 400, "detail"},
		{"no address", "?username=l070", "nonsense", 400, "new_email"},
		{"staff", "?username=rollcall_svc", "moved@example.com", 400, "detail"},
		{"fine", "?email=L070@example.com", "moved@example.com", 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := svc.do("PATCH", path+test.user, object{"new_email": test.email})
			wantStatus(t, test.name, got, test.status)
			if test.mistake != "" && member(got.Body, test.mistake) == nil {
				t.Errorf("it says %v, want something at %q", got.Body, test.mistake)
			}
		})
	}
	if account, found := lms.Account("l070"); !found || account.Email != "moved@example.com" {
		t.Errorf("account %+v", account)
	}
	wantEnrollment(t, lms, "l070", courseOpen, "verified active") // of the address that was pre-enrolled
}
