package openedxtest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestTokenRequests(t *testing.T) {
	_, svc, _ := start(t)
	valid := url.Values{"grant_type": {"client_credentials"}, "client_id": {"rollcall"}, "client_secret": {"rollcall-secret"}}
	for _, test := range []struct {
		name   string
		change func(url.Values)
		status int
		err    any
	}{
		{"one scope", func(f url.Values) { f.Set("scope", "email") }, 200, nil},
		{"no secret", func(f url.Values) { f.Del("client_secret") }, 401, "invalid_client"},
		{"the grant comes before the client", func(f url.Values) { f.Set("grant_type", "x"); f.Set("client_id", "x") }, 400, "unsupported_grant_type"},
		{"password without a user", func(f url.Values) { f.Set("grant_type", "password") }, 400, "invalid_request"},
		{"a code without a code", func(f url.Values) { f.Set("grant_type", "authorization_code") }, 400, "invalid_request"},
		{"a code", func(f url.Values) { f.Set("grant_type", "authorization_code"); f.Set("code", "x") }, 400, "unauthorized_client"},
		{"a token to refresh, of whom", func(f url.Values) {
			f.Set("grant_type", "refresh_token")
			f.Set("refresh_token", "x")
			f.Set("client_secret", "x")
		}, 401, "invalid_client"},
		{"a token to refresh", func(f url.Values) { f.Set("grant_type", "refresh_token"); f.Set("refresh_token", "x") }, 400, "invalid_grant"},
		{"a good password", func(f url.Values) {
			f.Set("grant_type", "password")
			f.Set("username", "ada")
			f.Set("password", "Ada-pass-8841")
		}, 400, "unauthorized_client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			form := url.Values{}
			for name := range valid {
				form.Set(name, valid.Get(name))
			}
			test.change(form)
			got := svc.form("/oauth2/access_token", form)
			if got.Status != test.status || member(got.Body, "error") != test.err {
				t.Errorf("%d %v, want %d with error %v", got.Status, got.Body, test.status, test.err)
			}
		})
	}
}

func TestTokenLifetimes(t *testing.T) {
	lms, svc, clock := start(t)
	plain := url.Values{"grant_type": {"client_credentials"}, "client_id": {"rollcall"}, "client_secret": {"rollcall-secret"}}
	opaque := member(svc.form("/oauth2/access_token", plain).Body, "access_token").(string)
	plain.Set("token_type", "jwt")
	plain.Set("asymmetric_jwt", "1")
	asymmetric := member(svc.form("/oauth2/access_token", plain).Body, "access_token").(string)
	wantAll := func(when string, status int, authorizations ...string) {
		t.Helper()
		for _, authorization := range authorizations {
			got := svc.send(http.MethodGet, "/api/user/v1/me", http.Header{"Authorization": {authorization}}, "")
			if got.Status != status {
				t.Errorf("%s, %.12s…: status %d, want %d", when, authorization, got.Status, status)
			}
		}
	}
	jwts := []string{"JWT " + svc.token, "JWT " + asymmetric}
	wantAll("at once", 200, append(jwts, "Bearer "+opaque)...)
	clock.SetTime(clock.Now().Add(time.Hour - time.Second))
	wantAll("before an hour", 200, jwts...)
	clock.SetTime(clock.Now().Add(3 * time.Second))
	wantAll("after an hour", 401, jwts...)
	wantAll("after an hour", 200, "Bearer "+opaque)
	clock.SetTime(clock.Now().Add(10 * time.Hour))
	wantAll("after ten more", 401, "Bearer "+opaque)

	svc = logIn(t, lms, "rollcall")
	lms.RevokeTokens()
	wantAll("revoked", 401, "JWT "+svc.token)
	wantAll("malformed", 401, "JWT", "JWT a b", "Bearer", "Bearer a b", "garbage", "Basic x", "Basic x y")
}

func TestKeysRotate(t *testing.T) {
	lms, svc, _ := start(t)
	modulus := func() any {
		keys := member(svc.send(http.MethodGet, "/auth/jwks.json", http.Header{}, "").Body, "keys").([]any)
		return member(keys[0], "n")
	}
	first := modulus()
	if first != modulus() {
		t.Error("the keys change by themselves")
	}
	lms.RevokeTokens()
	if first == modulus() {
		t.Error("revoked tokens, and still the same keys")
	}
}

func TestClientSecretRotates(t *testing.T) {
	lms, svc, _ := start(t)
	lms.RotateClientSecret("rollcall", "fresh")
	wantStatus(t, "the token stays", svc.get("/api/user/v1/me"), 200)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"rollcall"}, "client_secret": {"rollcall-secret"}}
	wantStatus(t, "old secret", svc.form("/oauth2/access_token", form), 401)
	form.Set("client_secret", "fresh")
	wantStatus(t, "new secret", svc.form("/oauth2/access_token", form), 200)
}

// TestViews is what all views have in common: who may, which methods, which slashes.
func TestViews(t *testing.T) {
	lms, svc, _ := start(t)
	plain := logIn(t, lms, "plain")
	anon := &client{t: t, base: lms.URL}
	for _, test := range []struct {
		client       *client
		method, path string
		status       int
		header       string
		value        string
	}{
		{anon, "PUT", enrollmentPath, 401, "Www-Authenticate", `JWT realm="api"`}, // who comes before how
		{svc, "PUT", listPath, 405, "Allow", "GET, HEAD, OPTIONS"},
		{svc, "DELETE", eoxUserPath, 405, "Allow", "GET, POST, HEAD, OPTIONS"},
		{svc, "GET", accountsPath + "/search_emails", 200, "Allow", "GET, POST, OPTIONS"},
		{plain, "GET", allowedPath, 403, "", ""},
		{anon, "GET", listPath, 401, "Www-Authenticate", ""},
		{anon, "POST", eoxEnrollPath, 401, "Www-Authenticate", `Bearer realm="api"`},
		{plain, "GET", accountsPath + "?lms_user_id=144", 403, "", ""},
		{svc, "GET", accountsPath + "?lms_user_id=144", 200, "", ""},
		{svc, "POST", accountsPath + "/ada/deactivate/", 403, "Allow", "POST, OPTIONS"},
		{svc, "GET", "/api/enrollment/v1/roles", 301, "Location", "/api/enrollment/v1/roles/"},
		{svc, "GET", "/api/courses/v1/courses?org=GK", 301, "Location", "/api/courses/v1/courses/?org=GK"},
		{svc, "GET", accountsPath + "/ada/", 404, "", ""},
		{svc, "POST", bulkPath + "/", 404, "", ""},
		{svc, "GET", "/api/courses/v1/courses/" + courseOpen + "/", 200, "", ""},
		{svc, "GET", "/api/enrollment/v1/course/course-v1:gk%2B1234a%2B2017", 200, "", ""},
		{svc, "GET", "/api/enrollment/v1/course/a+b+c", 500, "", ""},
		{svc, "GET", enrollmentPath + "/" + courseOpen, 200, "", ""},
		{svc, "GET", "/api/enrollment/v1/course/Org/Num/Run", 400, "", ""},
		{svc, "GET", "/api/courses/v1/courses/?page=2&page_size=6", 200, "", ""},
		{svc, "GET", "/api/courses/v1/courses/?page=9", 404, "", ""},
		{svc, "GET", "/api/courses/v1/courses/?course_keys=nonsense", 400, "", ""},
		{svc, "GET", accountsPath + "/has%20space", 404, "Content-Type", ""},
		{plain, "GET", "/api/courses/v1/courses/" + courseOpen + "?username=ada", 403, "", ""},
		{plain, "GET", "/api/grades/v1/courses/" + courseOpen + "/?username=ada", 403, "", ""},
		{plain, "GET", "/api/grades/v1/courses/" + courseOpen + "/?username=PLAIN_SVC", 404, "", ""},
		{svc, "HEAD", "/api/user/v1/me", 200, "", ""},
		{svc, "GET", "/", 200, "", ""},
		{svc, "GET", "/nowhere", 404, "Content-Type", "text/html; charset=utf-8"},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			headers := http.Header{}
			if test.client.token != "" {
				headers.Set("Authorization", "JWT "+test.client.token)
			}
			request, err := http.NewRequestWithContext(t.Context(), test.method, lms.URL+test.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = headers
			response, err := noRedirects.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.status || test.header != "" && response.Header.Get(test.header) != test.value {
				t.Errorf("%d %v, want %d with %s %q", response.StatusCode, response.Header, test.status, test.header, test.value)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	_, svc, _ := start(t)
	for _, test := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"none at all", "", "", 400},
		{"text", "text/plain", "x", 415},
		{"a string", "application/json", `"x"`, 500},
		{"null", "application/json", "null", 500},
		{"with a charset", "application/json; charset=utf-8", "{}", 400},
		{"half", "application/json", `{"user": "ada"`, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := svc.send(http.MethodPost, enrollmentPath, http.Header{"Content-Type": {test.contentType}}, test.body)
			wantStatus(t, test.name, got, test.status)
		})
	}
	wantStatus(t, "a form where only JSON is read", svc.form(accountsPath+"/search_emails", url.Values{"emails": {"x"}}), 415)
	wantStatus(t, "addresses of another kind", svc.post(accountsPath+"/search_emails", object{"emails": nil}), 500)
}
