package learner

import (
	"net/http"
	"strings"
	"testing"
)

func TestAnotherSiteCannotWriteInALearnersName(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	own := "https://" + d.Addr().String()
	for name, test := range map[string]struct {
		headers []string
		status  int
	}{
		"a page of Rollcall's origin":             {[]string{"Sec-Fetch-Site", "same-origin", "Origin", own}, 201},
		"a page of an origin that is listed":      {[]string{"Sec-Fetch-Site", "same-site", "Origin", page}, 201},
		"an old browser on a page of that origin": {[]string{"Origin", page}, 201},
		"a program":                                  {nil, 201},
		"another site":                               {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"an old browser on another site":             {[]string{"Origin", "https://evil.example"}, 403},
		"a neighbour":                                {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.com"}, 403},
		"a page that hides where it is from":         {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, 403},
		"the listed origin, without encryption":      {[]string{"Sec-Fetch-Site", "cross-site", "Origin", strings.Replace(page, "https", "http", 1)}, 403},
		"no CSRF token":                              {[]string{csrfHeader, ""}, 403},
		"another CSRF token":                         {[]string{csrfHeader, "AAAA"}, 403},
		"a listed origin without the CSRF token":     {[]string{"Sec-Fetch-Site", "same-site", "Origin", page, csrfHeader, ""}, 403},
		"a form of another site":                     {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", csrfHeader, "", "Content-Type", "text/plain"}, 403},
		"a form of another site in an older browser": {[]string{"Origin", "https://evil.example", csrfHeader, "", "Content-Type", "application/x-www-form-urlencoded"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(d.stored(ada))
			a := b.post(supportOf("000123"), letterOf("How tight?"), test.headers...)
			if a.status != test.status {
				t.Fatalf("%d %s, want %d", a.status, a.body, test.status)
			}
			if test.status == http.StatusForbidden && a.problem(t).Type != "/problems/cross-site" {
				t.Errorf("%s", a.body)
			}
			if stored := len(d.stored(ada)) - before; (stored == 1) != (test.status == http.StatusCreated) {
				t.Errorf("%d messages were stored", stored)
			}
		})
	}
	// Where the browser has no token, an empty one is none.
	bare := d.stranger()
	bare.header.Set(csrfHeader, "")
	cookies := "edx-jwt-cookie-header-payload=" + b.cookie("edx-jwt-cookie-header-payload") + "; edx-jwt-cookie-signature=" + b.cookie("edx-jwt-cookie-signature")
	if a := bare.post(supportOf("000123"), letterOf("How tight?"), "Cookie", cookies+"; csrftoken="); a.status != http.StatusForbidden {
		t.Errorf("an empty token: %d %s", a.status, a.body)
	}
}

func TestPagesOfListedOriginsMayReadTheAnswers(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	b := d.logIn("ada")
	for _, test := range []struct {
		origin string
		listed bool
	}{{page, true}, {"https://evil.example", false}, {"null", false}, {"", false}, {strings.ToUpper(page), false}} {
		for path, status := range map[string]int{myself: 200, coursesOf("foreign"): 404} {
			a := b.send(http.MethodGet, path, "", "Origin", test.origin)
			wantOrigin, wantCredentials := "", ""
			if test.listed {
				wantOrigin, wantCredentials = page, "true"
			}
			if a.status != status || a.header.Get("Access-Control-Allow-Origin") != wantOrigin || a.header.Get("Access-Control-Allow-Credentials") != wantCredentials || a.header.Get("Vary") != "Origin" {
				t.Errorf("%s from %q: %d %v", path, test.origin, a.status, a.header)
			}
		}
		a := b.send(http.MethodOptions, supportOf("000123"), "", "Origin", test.origin, "Access-Control-Request-Method", "POST", csrfHeader, "")
		if !test.listed {
			if a.status != http.StatusMethodNotAllowed || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("preflight from %q: %d %v", test.origin, a.status, a.header)
			}
			continue
		}
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != page || a.header.Get("Access-Control-Allow-Credentials") != "true" ||
			a.header.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" || a.header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Encoding, Content-Type, Idempotency-Key, Traceparent, X-CSRFToken, X-Request-ID" {
			t.Errorf("preflight from %q: %d %v", test.origin, a.status, a.header)
		}
	}
	// Nobody is logged in for a preflight, and a page has to be able to read that it has to log in.
	if a := d.stranger().send(http.MethodOptions, myself, "", "Origin", page, "Access-Control-Request-Method", "GET"); a.status != http.StatusNoContent {
		t.Errorf("a stranger's preflight: %d %s", a.status, a.body)
	}
	if a := d.stranger().send(http.MethodGet, myself, "", "Origin", page); a.status != http.StatusUnauthorized || a.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("a stranger: %d %v", a.status, a.header)
	}
}
