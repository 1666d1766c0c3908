package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// workPath is where a learner works on a course.
const workPath = "/sandbox/learners/{username}/courses/{course}"

// work has a learner do as many percent of a course as the body says, and all of it right.
func work(lms *openedxtest.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		username, course := r.PathValue("username"), r.PathValue("course")
		body, _ := io.ReadAll(io.LimitReader(r.Body, 100)) // not read: no number
		done, err := strconv.ParseUint(strings.TrimSpace(string(body)), 10, 7)
		if err != nil || done > 100 {
			http.Error(w, "the body is no whole number from 0 to 100", http.StatusBadRequest)
			return
		}
		if _, enrolled := lms.Enrollment(username, course); !enrolled {
			http.NotFound(w, r)
			return
		}
		lms.SetProgress(username, course, openedxtest.Progress{Complete: int(done), Incomplete: 100 - int(done)})
		grade := openedxtest.Grade{Percent: float64(done) / 100, Passed: done >= 50}
		if grade.Passed {
			grade.Letter = "Pass"
		}
		lms.SetGrade(username, course, grade)
		w.WriteHeader(http.StatusNoContent)
	}
}
