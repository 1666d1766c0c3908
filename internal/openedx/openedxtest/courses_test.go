package openedxtest_test

import "testing"

// TestCourseList: a GET is narrowed by its URL, a POST by its body.
func TestCourseList(t *testing.T) {
	_, svc, _ := start(t)
	const path = "/api/courses/v1/courses/"
	for _, test := range []struct {
		name string
		got  reply
		want float64
	}{
		{"all", svc.get(path), 11},
		{"an organization", svc.get(path + "?org=gk"), 11},
		{"another organization", svc.get(path + "?org=acme"), 0},
		{"keys", svc.get(path + "?course_keys=course-v1:GK%2B1234A%2B2017,course-v1:gk%2B1235a%2B2017"), 2},
		{"another organization in a body", svc.post(path, object{"org": "acme"}), 0},
		{"another organization in the URL of a POST", svc.post(path+"?org=acme", object{}), 11},
	} {
		wantStatus(t, test.name, test.got, 200)
		if count := member(test.got.Body, "pagination", "count"); count != test.want {
			t.Errorf("%s: %v courses, want %v", test.name, count, test.want)
		}
	}
	wantStatus(t, "for nobody", svc.post(path, object{"username": "nobody"}), 404)
}

// TestGradePages: a page of grades holds 50 unless it is told otherwise.
func TestGradePages(t *testing.T) {
	lms, svc, _ := start(t)
	for _, user := range []string{"l051", "l050", "l052"} {
		lms.Enroll(user, courseOpen, "audit")
	}
	path := "/api/grades/v1/courses/" + courseOpen + "/"
	all := svc.get(path)
	wantStatus(t, "all", all, 200)
	if n := len(member(all.Body, "results").([]any)); n != 3 || member(all.Body, "next") != nil {
		t.Errorf("%d grades, next %v; want 3 and no next", n, member(all.Body, "next"))
	}
	first := svc.get(path + "?page_size=2")
	next, _ := member(first.Body, "next").(string)
	if next == "" {
		t.Fatalf("no next page: %v", first.Body)
	}
	second := svc.get(next[len(lms.URL):])
	results := member(second.Body, "results").([]any)
	if len(results) != 1 || member(results[0], "username") != "l052" || member(second.Body, "previous") == nil || member(second.Body, "next") != nil {
		t.Errorf("second page: %v", second.Body)
	}
}
