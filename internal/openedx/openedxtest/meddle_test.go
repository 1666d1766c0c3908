package openedxtest_test

import (
	"testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestRetirement(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Enroll("ada", courseOpen, "audit")
	lms.RetireUser("ada")
	wantStatus(t, "by username", svc.get(accountsPath+"/ada"), 404)
	byEmail := svc.get(accountsPath + "?email=ada@example.com")
	if byEmail.Status != 404 || member(byEmail.Body, "can_cancel_retirement") != true {
		t.Errorf("by address: %+v", byEmail)
	}
	wantStatus(t, "enroll", svc.post(enrollmentPath, enroll("ada", courseOpen)), 406)
	wantStatus(t, "username", svc.form(registrationPath, registration("ADA", "fresh@acme.com")), 409)
	wantStatus(t, "address", svc.form(registrationPath, registration("fresh", "ADA@example.com")), 409)
}

func TestMeddling(t *testing.T) {
	lms, svc, _ := start(t)
	lms.AddUser(openedxtest.UserSpec{Username: "carl", Email: "carl@acme.com", Name: "Carl", Active: true, EnrolledIn: []string{courseAudit}})
	wantEnrollment(t, lms, "carl", courseAudit, "audit active")
	lms.RenameUser("carl", "karl")
	wantStatus(t, "old username", svc.get(accountsPath+"/carl"), 404)
	lms.SetEmail("karl", "karl@acme.com")
	lms.SetName("karl", "Karl")
	if account, found := lms.Account("KARL@acme.com"); !found || account.Name != "Karl" {
		t.Errorf("account %+v", account)
	}
	lms.Unenroll("karl", courseAudit)
	lms.Enroll("karl", courseOpen, "audit")
	if list := lms.Enrollments("karl"); len(list) != 2 || list[0].Course != courseOpen || list[1].Active {
		t.Errorf("enrollments %+v", list)
	}
	lms.AddCourse(openedxtest.CourseSpec{ID: courseGhost, Name: "Ghost"})
	wantStatus(t, "a new course", svc.post(enrollmentPath, enroll("karl", courseGhost)), 200)
	lms.SetStaff("rollcall_svc", false)
	wantStatus(t, "no longer staff", svc.post(enrollmentPath, enroll("karl", courseGhost)), 404)
	lms.RenameUser("rollcall_svc", "other_svc")
	if me := svc.get("/api/user/v1/me"); member(me.Body, "username") != "rollcall_svc" {
		t.Errorf("a token of a name nobody has makes the user, here %v", me.Body)
	}
}

func TestChangingOnesOwnAccount(t *testing.T) {
	lms, _, _ := start(t)
	plain := logIn(t, lms, "plain")
	patch := func(body string) reply {
		headers := form()
		headers.Set("Content-Type", "application/merge-patch+json")
		return plain.send("PATCH", accountsPath+"/plain_svc", headers, body)
	}
	wantStatus(t, "name", patch(`{"name": "Plainer"}`), 200)
	grown := patch(`{"year_of_birth": 1980}`)
	wantStatus(t, "year of birth", grown, 200)
	if year := member(grown.Body, "year_of_birth"); year != 1980.0 {
		t.Errorf("year of birth %v", year)
	}
	wantStatus(t, "username", patch(`{"username": "x"}`), 400)
	wantStatus(t, "markup", patch(`{"name": "<b>"}`), 400)
	if account, _ := lms.Account("plain_svc"); account.Name != "Plainer" {
		t.Errorf("account %+v", account)
	}
}

func TestDemoWorld(t *testing.T) {
	lms := openedxtest.Start(t, openedxtest.DemoWorld())
	svc := logIn(t, lms, "rollcall")
	for _, course := range openedxtest.DemoCourses {
		got := svc.post(enrollmentPath, enroll("jchen", course.ID))
		if got.Status != 200 || member(got.Body, "mode") != "audit" {
			t.Errorf("%s: %+v", course.ID, got)
		}
	}
	found := svc.post(accountsPath+"/search_emails", object{"emails": []string{"maria.lopez@acme.com"}})
	if list := found.Body.([]any); len(list) != 1 {
		t.Errorf("search %v", list)
	}
}

func TestAFirstLoginTakesPreEnrollments(t *testing.T) {
	lms, svc, _ := start(t)
	wantStatus(t, "pre-enroll", svc.post(allowedPath, object{"email": "sso@acme.com", "course_id": courseOpen, "auto_enroll": true}), 201)
	wantStatus(t, "pre-enroll by hand", svc.post(allowedPath, object{"email": "sso@acme.com", "course_id": courseAudit}), 201)
	lms.LogInFirst("sso", "SSO@acme.com", "Single Signon")
	if account, found := lms.Account("sso"); !found || !account.Active {
		t.Errorf("account %+v", account)
	}
	wantEnrollment(t, lms, "sso", courseOpen, "verified active")
	wantEnrollment(t, lms, "sso", courseAudit, "none")
	if keys := lms.PreEnrollments("sso@ACME.com"); len(keys) != 2 {
		t.Errorf("pre-enrolled in %q", keys)
	}
}
