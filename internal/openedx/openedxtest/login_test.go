package openedxtest_test

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// browser keeps cookies, as a learner's does.
type browser struct {
	*client
	jar *cookiejar.Jar
}

func newBrowser(t *testing.T, lms *openedxtest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&client{t: t, base: lms.URL}, jar}
}

// send sends the cookies and keeps those that come back.
func (b *browser) send(method, path string, form url.Values, csrf string) reply {
	b.t.Helper()
	base, _ := url.Parse(b.base)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-CSRFToken": {csrf}}
	for _, cookie := range b.jar.Cookies(base) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	got := b.client.send(method, path, header, form.Encode())
	b.jar.SetCookies(base, (&http.Response{Header: got.Header}).Cookies())
	return got
}

// logIn logs in with the CSRF token that a page takes before.
func (b *browser) logIn(name, password string) reply {
	b.t.Helper()
	token, _ := member(b.send(http.MethodGet, "/csrf/api/v1/token", nil, "").Body, "csrfToken").(string)
	return b.send(http.MethodPost, "/api/user/v2/account/login_session/", url.Values{"email_or_username": {name}, "password": {password}}, token)
}

func (b *browser) cookies() map[string]string {
	base, _ := url.Parse(b.base)
	held := map[string]string{}
	for _, cookie := range b.jar.Cookies(base) {
		held[cookie.Name] = cookie.Value
	}
	return held
}

func TestALoginLeavesATokenInTwoCookies(t *testing.T) {
	lms, _, _ := start(t)
	for _, name := range []string{"ada", "ADA@example.com"} {
		b := newBrowser(t, lms)
		got := b.logIn(name, "Ada-pass-8841")
		if got.Status != 200 || member(got.Body, "success") != true {
			t.Fatalf("%d %v", got.Status, got.Body)
		}
		for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
			hidden := cookie.Name == "edx-jwt-cookie-signature" || cookie.Name == "sessionid"
			if cookie.HttpOnly != hidden {
				t.Errorf("%s: HttpOnly is %v", cookie.Name, cookie.HttpOnly)
			}
		}
		held := b.cookies()
		token := held["edx-jwt-cookie-header-payload"] + "." + held["edx-jwt-cookie-signature"]
		if strings.Count(token, ".") != 2 {
			t.Fatalf("no token in %v", held)
		}
		me := b.client.send(http.MethodGet, "/api/user/v1/me", http.Header{"Authorization": {"JWT " + token}}, "")
		if member(me.Body, "username") != "ada" {
			t.Errorf("the token is %v's, want ada's", me.Body)
		}
	}
}

func TestALoginByAnotherWayLeavesTheSameCookies(t *testing.T) {
	lms, _, _ := start(t)
	b := newBrowser(t, lms)
	b.logIn("ada", "Ada-pass-8841")
	want := slices.Sorted(maps.Keys(b.cookies()))
	held := map[string]string{}
	for _, cookie := range lms.LogIn("ada") {
		held[cookie.Name] = cookie.Value
	}
	if got := slices.Sorted(maps.Keys(held)); !slices.Equal(got, want) {
		t.Errorf("cookies %v, want %v", got, want)
	}
	token := held["edx-jwt-cookie-header-payload"] + "." + held["edx-jwt-cookie-signature"]
	if me := b.client.send(http.MethodGet, "/api/user/v1/me", http.Header{"Authorization": {"JWT " + token}}, ""); member(me.Body, "username") != "ada" {
		t.Errorf("the token is %v's, want ada's", me.Body)
	}
}

func TestALoginThatIsRefusedLeavesNoToken(t *testing.T) {
	lms, _, _ := start(t)
	for name, test := range map[string]struct {
		user, password string
		code           any
	}{
		"wrong password": {"ada", "Bob-pass-8841", "incorrect-email-or-password"},
		"nobody":         {"nobody", "", "incorrect-email-or-password"},
		"inactive":       {"bob", "Bob-pass-8841", "inactive-user"},
	} {
		b := newBrowser(t, lms)
		got := b.logIn(test.user, test.password)
		if got.Status != 400 || member(got.Body, "error_code") != test.code {
			t.Errorf("%s: %d %v", name, got.Status, got.Body)
		}
		if held := b.cookies(); held["edx-jwt-cookie-signature"] != "" || held["sessionid"] != "" {
			t.Errorf("%s: cookies %v", name, held)
		}
	}
	form := url.Values{"email_or_username": {"ada"}, "password": {"Ada-pass-8841"}}
	if got := newBrowser(t, lms).send(http.MethodPost, "/api/user/v2/account/login_session/", form, ""); got.Status != 403 {
		t.Errorf("without a CSRF token: %d", got.Status)
	}
}

func TestALoginIsRefreshedUntilTheLogout(t *testing.T) {
	lms, _, clock := start(t)
	b := newBrowser(t, lms)
	if got := b.send(http.MethodPost, "/login_refresh", nil, ""); got.Status != 401 || got.Body != "Unauthorized" {
		t.Errorf("nobody's refresh: %d %v", got.Status, got.Body)
	}
	b.logIn("ada", "Ada-pass-8841")
	before := b.cookies()["edx-jwt-cookie-header-payload"]
	clock.SetTime(clock.Now().Add(time.Minute))
	if got := b.send(http.MethodPost, "/login_refresh", nil, ""); got.Status != 200 {
		t.Errorf("refresh: %d", got.Status)
	}
	if b.cookies()["edx-jwt-cookie-header-payload"] == before {
		t.Error("the refreshed token is the old one")
	}
	b.send(http.MethodGet, "/logout", nil, "")
	held := b.cookies()
	delete(held, "csrftoken")
	if len(held) > 0 {
		t.Errorf("after the logout there is still %v", held)
	}
	if got := b.send(http.MethodPost, "/login_refresh", nil, ""); got.Status != 401 {
		t.Errorf("refresh after the logout: %d", got.Status)
	}
}
