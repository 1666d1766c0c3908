package openedxtest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestFaults(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Fail(openedxtest.Match{Method: "POST", Path: enrollmentPath}, openedxtest.Fault{Status: 503, Times: 2})
	for range 2 {
		failed := svc.post(enrollmentPath, enroll("ada", courseOpen))
		if failed.Status != 503 || failed.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("failing: %+v", failed)
		}
	}
	wantStatus(t, "another method", svc.get(enrollmentPath+"?user=ada"), 200)
	wantEnrollment(t, lms, "ada", courseOpen, "none")
	wantStatus(t, "third time", svc.post(enrollmentPath, enroll("ada", courseOpen)), 200)

	lms.Fail(openedxtest.Match{}, openedxtest.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond})
	if refused := svc.get(enrollmentPath); refused.Header.Get("Retry-After") != "2" {
		t.Errorf("429 with a wait: %+v", refused)
	}
	lms.ClearFaults()
	lms.Fail(openedxtest.Match{}, openedxtest.Fault{Status: 429})
	if refused := svc.get(enrollmentPath); refused.Status != 429 || refused.Header.Get("Retry-After") != "" {
		t.Errorf("429 without a wait: %+v", refused)
	}
	lms.ClearFaults()
	lms.SetDown(true)
	wantStatus(t, "down", svc.get("/"), 503)
	lms.SetDown(false)
	wantStatus(t, "up", svc.get("/"), 200)
}

func TestLostAnswer(t *testing.T) {
	lms, svc, _ := start(t)
	lms.ResetCalls()
	lms.Fail(openedxtest.Match{Method: "POST"}, openedxtest.Fault{Reset: true, Lost: true, Times: 1})
	if got, err := svc.try("POST", registrationPath, form(), registration("lost", "lost@acme.com").Encode()); err == nil {
		t.Errorf("an answer came through: %+v", got)
	}
	if _, found := lms.Account("lost"); !found {
		t.Error("the work was not done")
	}
	wantStatus(t, "again", svc.form(registrationPath, registration("lost", "lost@acme.com")), 409)

	lms.Fail(openedxtest.Match{Method: "POST"}, openedxtest.Fault{Reset: true, Times: 1})
	if _, err := svc.try("POST", registrationPath, form(), registration("never", "never@acme.com").Encode()); err == nil {
		t.Error("an answer came through")
	}
	if _, found := lms.Account("never"); found {
		t.Error("the work was done")
	}
	calls := lms.Calls()
	if len(calls) != 3 || calls[0].Status != 0 || calls[1].Status != 409 || calls[0].Route != "/api/user/{version}/account/registration/" {
		t.Errorf("journal %+v", calls)
	}
	if lms.Writes() != 3 {
		t.Errorf("%d writes, want 3", lms.Writes())
	}
}

func TestHang(t *testing.T) {
	lms, svc, _ := start(t)
	lms.Fail(openedxtest.Match{Path: "/api/user/"}, openedxtest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, lms.URL+"/api/user/v1/me", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := noRedirects.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a timeout", err)
	}
	lms.ClearFaults()
	wantStatus(t, "cleared", svc.get("/api/user/v1/me"), 200)
}

func TestLatency(t *testing.T) {
	lms, svc, _ := start(t)
	lms.SetLatency(30 * time.Millisecond)
	begin := time.Now()
	wantStatus(t, "slow", svc.get("/api/user/v1/me"), 200)
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func form() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }
