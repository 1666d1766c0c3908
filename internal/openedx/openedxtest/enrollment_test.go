package openedxtest_test

import (
	"net/http"
	"testing"
	"time"
)

// TestEnrollment goes through what a sequence of POSTs makes of one enrollment.
func TestEnrollment(t *testing.T) {
	type step struct {
		body   object
		status int
		holds  string
	}
	for _, test := range []struct {
		name   string
		course string
		steps  []step
	}{
		{"the default mode", courseOpen, []step{
			{enroll("l050", courseOpen), 200, "verified active"},
			{enroll("l050", courseOpen, "mode", "audit"), 200, "audit active"},
			{enroll("l050", courseOpen, "is_active", false), 200, "audit inactive"},
			// Still inactive: the mode is set back to the default on the way.
			{enroll("l050", courseOpen, "is_active", false), 200, "verified inactive"},
			{enroll("l050", courseOpen), 200, "verified active"},
		}},
		{"deactivation asks for the right mode", courseOpen, []step{
			{enroll("l050", courseOpen, "mode", "audit"), 200, "audit active"},
			{enroll("l050", courseOpen, "mode", "verified", "is_active", false), 400, "audit active"},
			{enroll("l050", courseOpen, "mode", "audit", "is_active", false), 200, "audit inactive"},
			{enroll("l050", courseOpen, "mode", "verified", "is_active", false), 200, "verified inactive"},
		}},
		{"a closed course takes back whom it had", courseClosed, []step{
			{enroll("l050", courseClosed), 400, "none"},
			{enroll("l050", courseClosed, "force_enrollment", true), 200, "audit active"},
			{enroll("l050", courseClosed), 400, "audit active"},
			{enroll("l050", courseClosed, "is_active", false), 200, "audit inactive"},
			{enroll("l050", courseClosed), 400, "audit inactive"},
			{enroll("l050", courseClosed, "is_active", true), 200, "audit active"},
		}},
		{"a full course has room when somebody leaves", courseFull, []step{
			{enroll("l050", courseFull, "force_enrollment", true), 400, "none"},
			{enroll("filler", courseFull, "is_active", false), 200, "none"},
			{enroll("l050", courseFull), 200, "audit active"},
			{enroll("filler", courseFull), 400, "audit active"},
			{enroll("filler", courseFull, "is_active", true), 200, "audit active"},
		}},
		{"an expired mode", "course-v1:GK+EXPIRED+2017", []step{
			{enroll("l050", "course-v1:GK+EXPIRED+2017", "mode", "verified"), 400, "none"},
			{enroll("l050", "course-v1:GK+EXPIRED+2017", "mode", "verified", "is_active", false), 200, "verified inactive"},
			{enroll("l050", "course-v1:GK+EXPIRED+2017", "is_active", true), 200, "verified active"},
			{enroll("l050", "course-v1:GK+EXPIRED+2017", "mode", "audit"), 200, "audit active"},
			{enroll("l050", "course-v1:GK+EXPIRED+2017", "mode", "verified"), 400, "audit active"},
		}},
		{"credit wants its provider, but only of who has attributes and an enrollment", "course-v1:GK+CREDIT+2017", []step{
			{enroll("l050", "course-v1:GK+CREDIT+2017"), 200, "audit active"},
			{enroll("l050", "course-v1:GK+CREDIT+2017", "mode", "credit", "enrollment_attributes",
				[]object{{"namespace": "order", "name": "number", "value": "1"}}), 400, "audit active"},
			{enroll("l050", "course-v1:GK+CREDIT+2017", "mode", "credit", "enrollment_attributes",
				[]object{{"namespace": "credit", "name": "provider_id", "value": "x"}}), 200, "credit active"},
		}},
		{"what comes last undoes nothing", courseOpen, []step{
			{enroll("l050", courseOpen, "cohort", "no such cohort"), 400, "verified active"},
			{enroll("l050", courseOpen, "cohort", "no such cohort"), 200, "verified active"},
			{enroll("l050", courseOpen, "is_active", false, "enrollment_attributes", []object{{"namespace": "n", "name": "n"}}), 400, "verified inactive"},
		}},
		{"keys and names in any case", courseOpen, []step{
			{enroll("L050", "course-v1:gk+1234a+2017"), 200, "verified active"},
			{enroll("l050", courseOpen, "is_active", false), 200, "verified inactive"},
		}},
		{"wrong types", courseOpen, []step{
			{enroll("l050", courseOpen, "is_active", "true"), 400, "none"},
			{enroll("l050", courseOpen, "is_active", 0), 400, "none"},
			{enroll("l050", courseOpen, "force_enrollment", 1), 400, "none"},
			{enroll("l050", courseOpen, "mode", 5), 400, "none"},
			{enroll("l050", courseOpen, "enrollment_attributes", "x"), 500, "none"},
			{object{"user": "l050", "course_details": object{"course_id": 5}}, 500, "none"},
			{object{"user": "l050", "course_details": []string{}}, 500, "none"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			lms, svc, _ := start(t)
			for i, step := range test.steps {
				got := svc.post(enrollmentPath, step.body)
				if got.Status != step.status {
					t.Errorf("step %d: status %d, want %d (%v)", i+1, got.Status, step.status, got.Body)
				}
				wantEnrollment(t, lms, "l050", test.course, step.holds)
			}
		})
	}
}

func TestEnrollmentOfOthersThanStaff(t *testing.T) {
	lms, svc, _ := start(t)
	plain := logIn(t, lms, "plain")
	wantStatus(t, "for itself", plain.post(enrollmentPath, object{"course_details": object{"course_id": courseOpen}}), 200)
	wantStatus(t, "withdraw itself", plain.post(enrollmentPath, enroll("plain_svc", courseOpen, "is_active", false)), 200)
	wantEnrollment(t, lms, "plain_svc", courseOpen, "verified active") // it cannot
	wantStatus(t, "by address", plain.post(enrollmentPath, object{"email": "ada@example.com", "course_details": object{"course_id": courseOpen}}), 404)
	wantStatus(t, "force", plain.post(enrollmentPath, enroll("plain_svc", courseClosed, "force_enrollment", true)), 400)
	wantStatus(t, "invitation only", plain.post(enrollmentPath, enroll("plain_svc", courseInvite)), 400)

	invited := svc.post(allowedPath, object{"email": "plain_svc@example.com", "course_id": courseInvite})
	wantStatus(t, "invite", invited, http.StatusCreated)
	wantStatus(t, "invited", plain.post(enrollmentPath, enroll("plain_svc", courseInvite)), 200)
}

func TestPreEnrollmentOpensAClosedCourse(t *testing.T) {
	lms, svc, _ := start(t)
	wantStatus(t, "closed", svc.post(enrollmentPath, enroll("l050", courseClosed)), 400)
	wantStatus(t, "allow", svc.post(allowedPath, object{"email": "L050@example.com", "course_id": courseClosed}), 201)
	wantStatus(t, "allowed", svc.post(enrollmentPath, enroll("l050", courseClosed)), 200)
	wantEnrollment(t, lms, "l050", courseClosed, "audit active")
	wantStatus(t, "again", svc.post(allowedPath, object{"email": "l050@example.com", "course_id": courseClosed}), 409)
}

func TestActivationTakesPreEnrollments(t *testing.T) {
	lms, svc, _ := start(t)
	allow := func(course string, auto bool) {
		t.Helper()
		wantStatus(t, "allow", svc.post(allowedPath, object{"email": "bob@example.com", "course_id": course, "auto_enroll": auto}), 201)
	}
	allow(courseOpen, true)
	allow(courseAudit, false)
	wantEnrollment(t, lms, "bob", courseOpen, "none")
	lms.SetActive("bob", true)
	wantEnrollment(t, lms, "bob", courseOpen, "verified active")
	wantEnrollment(t, lms, "bob", courseAudit, "none")
}

// TestActivationFailsAtAMissingCourse: registration leaves an account, eox-core does not.
func TestActivationFailsAtAMissingCourse(t *testing.T) {
	lms, svc, _ := start(t)
	for _, email := range []string{"one@acme.com", "two@acme.com", "bob@example.com"} {
		wantStatus(t, "allow", svc.post(allowedPath, object{"email": email, "course_id": courseOpen, "auto_enroll": true}), 201)
		wantStatus(t, "allow", svc.post(allowedPath, object{"email": email, "course_id": courseGhost, "auto_enroll": true}), 201)
	}
	wantStatus(t, "register", svc.form(registrationPath, registration("one", "one@acme.com")), 500)
	wantEnrollment(t, lms, "one", courseOpen, "verified active")
	wantEnrollment(t, lms, "one", courseGhost, "none")
	if one, found := lms.Account("one"); !found || !one.Active {
		t.Errorf("account %+v", one)
	}
	person := object{"username": "two", "email": "two@acme.com", "fullname": "T", "password": "x", "activate_user": true}
	wantStatus(t, "eox-core", svc.post(eoxUserPath, person), 500)
	if two, found := lms.Account("two"); found {
		t.Errorf("account %+v", two)
	}
	wantStatus(t, "activate", svc.do("PATCH", "/eox-core/api/v1/update-user/", object{"username": "bob", "is_active": true}), 500)
	if bob, _ := lms.Account("bob"); bob.Active {
		t.Error("bob is active")
	}
}

func TestEnrollmentWithoutACourse(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Enroll("l050", courseGhost, "audit")
	lms.Enroll("l050", courseOpen, "audit")
	orphan := svc.get(enrollmentPath + "/l050," + courseGhost)
	if details, there := orphan.Body.(object)["course_details"]; orphan.Status != 200 || !there || details != nil {
		t.Errorf("enrollment without a course: %+v", orphan)
	}
	list := svc.get(listPath + "?username=l050")
	if n := len(member(list.Body, "results").([]any)); n != 1 {
		t.Errorf("%d enrollments in the list, want the one whose course exists", n)
	}
	wantStatus(t, "again", svc.post(enrollmentPath, enroll("l050", courseGhost)), 400)
	wantStatus(t, "withdraw", svc.post(enrollmentPath, enroll("l050", courseGhost, "is_active", false)), 200)
}

func TestEnrollmentListPages(t *testing.T) {
	lms, svc, clock := start(t)
	for _, user := range []string{"l050", "l051", "l052", "l053", "l054"} {
		if user != "l053" && user != "l054" { // three made at the same time
			clock.SetTime(clock.Now().Add(time.Second))
		}
		lms.Enroll(user, courseOpen, "audit")
	}
	page := func(target string) (users []any, next, previous string) {
		t.Helper()
		got := svc.get(target)
		wantStatus(t, target, got, 200)
		for _, e := range member(got.Body, "results").([]any) {
			users = append(users, member(e, "user"))
		}
		next, _ = member(got.Body, "next").(string)
		previous, _ = member(got.Body, "previous").(string)
		return users, next, previous
	}
	want := func(users []any, names ...any) {
		t.Helper()
		if len(users) != len(names) {
			t.Fatalf("users %v, want %v", users, names)
		}
		for i := range names {
			if users[i] != names[i] {
				t.Fatalf("users %v, want %v", users, names)
			}
		}
	}
	first, next, previous := page(listPath + "?page_size=2&course_ids=1234a")
	want(first, "l054", "l053")
	if previous != "" {
		t.Error("there is a page before the first")
	}
	second, next, previous := page(next[len(lms.URL):])
	want(second, "l052", "l051")
	back, _, _ := page(previous[len(lms.URL):])
	want(back, "l054", "l053")
	last, next, _ := page(next[len(lms.URL):])
	want(last, "l050")
	if next != "" {
		t.Error("there is a page after the last")
	}
	wantStatus(t, "cursor", svc.get(listPath+"?cursor=garbage"), 404)

	recorded := "?username=l050&cursor=cD0yMDI2LTExLTI0KzExJTNBMjAlM0EyMC43OTc1NDElMkIwMCUzQTAw"
	older, next, previous := page(listPath + recorded)
	want(older, "l050")
	if next != "" || previous == "" {
		t.Errorf("next %q and previous %q of the page a cursor led to", next, previous)
	}
}

func TestCourseDetailsAreCachedForAMinute(t *testing.T) {
	lms, svc, clock := start(t)
	path := "/api/enrollment/v1/course/" + courseOpen
	wantStatus(t, "there", svc.get(path), 200)
	lms.RemoveCourse(courseOpen)
	wantStatus(t, "removed", svc.get(path), 200)
	clock.SetTime(clock.Now().Add(61 * time.Second))
	wantStatus(t, "a minute later", svc.get(path), 400)
}
