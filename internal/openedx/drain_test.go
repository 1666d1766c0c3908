package openedx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// inProcess takes calls to a server without a network between, so that time can be a bubble's.
type inProcess struct{ http.Handler }

func (s inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	if request.Body == nil {
		request.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, request)
	return answer.Result(), nil
}

// A backlog of 50,000 enrollments, with as many visits at once as the controllers make, within the budget as it ships, on an
// LMS that throttles as it ships. One call each would take 6.9 hours at the very limit of the LMS.
func TestABacklogIsWorkedOffInFullBatches(t *testing.T) {
	const learners, courses, atOnce, perMinute = 2500, 20, 200, 100
	world := openedxtest.DemoWorld()
	world.LearnerPool.Count = learners
	key := func(course int) string { return fmt.Sprintf("course-v1:GK+%d+2026", course) }
	for i := range courses {
		world.Courses = append(world.Courses, openedxtest.CourseSpec{ID: key(i), Name: key(i), Modes: []openedxtest.ModeSpec{{Slug: "audit"}}})
	}
	synctest.Test(t, func(t *testing.T) {
		standIn := openedxtest.New(world, openedxtest.WithThrottle(120))
		config := bulk(openedx.Config{URL: "https://learn.example.com", ClientID: "rollcall", ClientSecret: "rollcall-secret", Transport: inProcess{standIn}})
		client := probed(t, standIn, config)
		begin := time.Now()
		visits := make(chan struct{}, atOnce)
		var work sync.WaitGroup
		for i := range learners * courses {
			work.Go(func() {
				wish := lms.EnrollmentRequest{Username: poolUser(i / courses), CourseKey: key(i % courses)}
				for {
					visits <- struct{}{}
					_, err := client.Enroll(t.Context(), wish)
					<-visits
					if err == nil {
						return
					}
					if lms.AsError(err).Class != lms.Throttled {
						t.Errorf("failed with %v", err)
						return
					}
					<-time.After(max(lms.AsError(err).RetryAfter, time.Second))
				}
			})
		}
		work.Wait()
		took := time.Since(begin)
		counted, refused := 0, 0
		for _, call := range standIn.Calls() {
			if call.Path == pathBulk {
				counted++
			}
			if call.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		used := float64(counted) / (perMinute * took.Minutes())
		t.Logf("%d enrollments took %s and %d calls of the budget, %.0f %% of it; %d were refused", learners*courses, took.Round(time.Second), counted, 100*used, refused)
		if refused > 0 || counted > learners*courses/45 || used < 0.95 {
			t.Error("the batches are not full, or the budget is not used, or too much is asked of the LMS")
		}
		if in, _ := standIn.Enrollment(poolUser(learners-1), key(courses-1)); !in.Active {
			t.Error("the last one is not enrolled")
		}
	})
}
