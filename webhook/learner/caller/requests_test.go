package caller_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"rollcall.dev/rollcall/webhook/learner/caller"
)

func TestARequestWithoutACredentialIsNobodys(t *testing.T) {
	r := open(t)
	r.refuses("nothing", withHeader("Cookie"), caller.ErrNoCredential)
	r.refuses("other cookies", withHeader("Cookie", "sessionid=x; edxloggedin=true"), caller.ErrNoCredential)
	if asked := r.issuer.asked.Load(); asked > 0 {
		t.Errorf("keys were asked for %d times", asked)
	}
}

func TestAttacksWithCookies(t *testing.T) {
	r := open(t)
	good := r.good(cookies)
	parts := strings.Split(good, ".")
	first, second := headerPayload+"="+parts[0]+"."+parts[1], signature+"="+parts[2]
	r.wants("in any order", withHeader("Cookie", second+"; x=y; "+first), cookies.want)
	r.wants("in several headers", withHeader("Cookie", second, first), cookies.want)
	for what, request := range map[string]*http.Request{
		"only what scripts can read":   withHeader("Cookie", first),
		"only the signature":           withHeader("Cookie", second),
		"both empty":                   withHalves("", ""),
		"the first half twice":         withHeader("Cookie", first+"; "+first+"; "+second),
		"the first half planted":       withHeader("Cookie", headerPayload+"=x; "+first+"; "+second),
		"the signature twice":          withHeader("Cookie", first+"; "+second+"; "+second),
		"the signature in two headers": withHeader("Cookie", first+"; "+second, second),
		"the halves exchanged":         withHalves(parts[2], parts[0]+"."+parts[1]),
		"split at the first point":     withHalves(parts[0], parts[1]+"."+parts[2]),
		"the whole token in both":      withHalves(good, good),
		"the whole token in the first": withHalves(good, ""),
		"a quoted signature":           withHalves(parts[0]+"."+parts[1], `"`+parts[2]+`x"`),
		"padded":                       withHalves(parts[0]+"."+parts[1], parts[2]+"=="),
		"a space within":               withHalves(parts[0]+". "+parts[1], parts[2]),
		"an over-long first half":      withHalves(parts[0]+"."+parts[1]+strings.Repeat("A", 1<<20), parts[2]),
		"an over-long signature":       withHalves(parts[0]+"."+parts[1], parts[2]+strings.Repeat("A", 1<<20)),
		"many points":                  withHalves(strings.Repeat(".", 10_000), parts[2]),
	} {
		r.refuses(what, request, caller.ErrInvalid)
	}
}

func TestTheAuthorizationHeaderDecides(t *testing.T) {
	r := open(t)
	withBoth := func(authorization ...string) *http.Request {
		request := cookies.request(r.good(cookies))
		request.Header["Authorization"] = authorization
		return request
	}
	token := r.good(bearer)
	r.wants("the bearer token counts", withBoth("Bearer "+token), bearer.want)
	r.wants("in other letters", withBoth("bearer "+token), bearer.want)
	badCookies := withBearer(token)
	badCookies.Header.Set("Cookie", headerPayload+"=x; "+signature+"=y")
	r.wants("whatever the cookies are", badCookies, bearer.want)
	for what, request := range map[string]*http.Request{
		"an empty header":         withBoth(""),
		"a header without a one":  withBoth("Bearer"),
		"two words":               withBoth("Bearer " + token + " " + token),
		"two spaces":              withBoth("Bearer  " + token),
		"a bad bearer token":      withBoth("Bearer " + token[:len(token)-4]),
		"two headers":             withBoth("Bearer "+token, "Bearer "+token),
		"a password":              withBoth("Basic YTpi"),
		"the LMS's own scheme":    withBoth("JWT " + r.good(cookies)),
		"a bearer of cookies":     withBoth("Bearer " + r.good(cookies)),
		"a bearer without scheme": withBoth(token),
	} {
		r.refuses(what, request, caller.ErrInvalid)
	}
	r.Verifier = caller.New(caller.Config{LMSURL: r.issuer.URL}, r.issuer.Client(), r.clock)
	r.refuses("no identity server", withBoth("Bearer "+token), caller.ErrInvalid)
	r.wants("cookies do without one", cookies.request(r.good(cookies)), cookies.want)
}

// FuzzCookies: whatever the cookies are, nobody but the learner who has the token is taken for anybody.
func FuzzCookies(f *testing.F) {
	r := open(f)
	good := r.good(cookies)
	parts := strings.Split(good, ".")
	first, second := headerPayload+"="+parts[0]+"."+parts[1], signature+"="+parts[2]
	for _, seed := range []string{
		"", first, second, first + "; " + second, first + ";" + second + ";" + second, headerPayload + "=" + good + "; " + signature + "=",
		headerPayload + `="` + parts[0] + "." + parts[1] + `"; ` + second, headerPayload + "=..; " + signature + "=..", "=;=;;", headerPayload + "; " + signature,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := r.Identify(withHeader("Cookie", header))
		switch {
		case err == nil && (got != cookies.want || !strings.Contains(header, parts[1])):
			t.Errorf("taken for %+v", got)
		case err != nil && !errors.Is(err, caller.ErrInvalid) && !errors.Is(err, caller.ErrNoCredential):
			t.Errorf("error %v", err)
		}
	})
}
