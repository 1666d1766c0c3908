package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestALearnerWorksOnACourse(t *testing.T) {
	lms := openedxtest.Start(t, openedxtest.DemoWorld())
	course := openedxtest.DemoCourses[0].ID
	lms.Enroll("mlopez", course, "audit")
	mux := http.NewServeMux()
	mux.Handle("PUT "+workPath, work(lms))
	for what, test := range map[string]struct {
		path, body string
		status     int
	}{
		"some":              {"/sandbox/learners/mlopez/courses/" + course, "62\n", http.StatusNoContent},
		"more than all":     {"/sandbox/learners/mlopez/courses/" + course, "101", http.StatusBadRequest},
		"what is not said":  {"/sandbox/learners/mlopez/courses/" + course, "", http.StatusBadRequest},
		"by nobody":         {"/sandbox/learners/nobody/courses/" + course, "62", http.StatusNotFound},
		"where they aren't": {"/sandbox/learners/mlopez/courses/course-v1:GK+GHOST+2017", "62", http.StatusNotFound},
	} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPut, test.path, strings.NewReader(test.body)))
		if answer.Code != test.status {
			t.Errorf("%s: %d %s, want %d", what, answer.Code, answer.Body, test.status)
		}
	}
}
