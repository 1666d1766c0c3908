package openedxtest_test

import (
	"net/url"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// TestThrottle: a staff user has a budget for the last minute, over all the enrollment APIs; a refused call does not count.
func TestThrottle(t *testing.T) {
	_, svc, clock := start(t, openedxtest.WithThrottle(6))
	pass := func(times int) {
		t.Helper()
		for range times {
			wantStatus(t, "within the budget", svc.get("/api/enrollment/v1/roles/"), 200)
		}
	}
	after := func(d time.Duration) { clock.SetTime(clock.Now().Add(d)) }
	pass(3)
	after(20 * time.Second)
	pass(3)
	refused := svc.post(bulkPath, object{})
	wantStatus(t, "over the budget", refused, 429)
	if wait := refused.Header.Get("Retry-After"); wait != "40" {
		t.Errorf("wait %q seconds, want 40", wait)
	}
	list := svc.get(listPath)
	if list.Status != 429 || list.Header.Get("Retry-After") != "" ||
		member(list.Body, "developer_message") != "Request was throttled. Expected available in 40 seconds." {
		t.Errorf("the list says %+v", list)
	}
	after(39 * time.Second)
	one := svc.get("/api/enrollment/v1/roles/")
	if member(one.Body, "detail") != "Request was throttled. Expected available in 1 second." {
		t.Errorf("a second before: %v", one.Body)
	}
	after(time.Second)
	pass(3) // those of the first second are a minute old
	wantStatus(t, "the others are not", svc.get("/api/enrollment/v1/roles/"), 429)

	wantStatus(t, "accounts", svc.get(accountsPath+"?username=ada"), 200)
	wantStatus(t, "eox-core", svc.get("/eox-core/api/v1/userinfo/"), 200)
	courses := svc.get("/api/courses/v1/courses/")
	if courses.Status != 429 || member(courses.Body, "developer_message") != "Request was throttled." {
		t.Errorf("the course list, with its lower limit, says %+v", courses)
	}
}

func TestThrottleOfOthers(t *testing.T) {
	lms, svc, _ := start(t, openedxtest.WithThrottle(6))
	plain := logIn(t, lms, "plain")
	nobody := &client{t: t, base: lms.URL}
	for range 2 {
		wantStatus(t, "a third of the staff's", plain.get("/api/enrollment/v1/roles/"), 200)
		wantStatus(t, "the same for nobody", nobody.get("/api/enrollment/v1/course/"+courseOpen), 200)
	}
	wantStatus(t, "no more", plain.get("/api/enrollment/v1/roles/"), 429)
	wantStatus(t, "nor for nobody", nobody.get("/api/enrollment/v1/course/"+courseOpen), 429)
	wantStatus(t, "course details for who says who it is", svc.get("/api/enrollment/v1/course/"+courseOpen), 200)
}

func TestTokenThrottle(t *testing.T) {
	_, svc, _ := start(t, openedxtest.WithThrottle(3)) // has taken a token already
	for range 2 {
		wantStatus(t, "a bad request counts", svc.form("/oauth2/access_token", url.Values{}), 400)
	}
	refused := svc.form("/oauth2/access_token", url.Values{})
	if refused.Status != 429 || refused.Body != nil || refused.Header.Get("Retry-After") != "" {
		t.Errorf("over the limit: %+v", refused)
	}
}
