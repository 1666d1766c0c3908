package caller_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
	"rollcall.dev/rollcall/webhook/learner/caller"
)

// browser is a learner's, at an LMS.
type browser struct {
	t      *testing.T
	lms    *openedxtest.Server
	client *http.Client
}

func newBrowser(t *testing.T, lms *openedxtest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, lms, &http.Client{Jar: jar}}
}

func (b *browser) do(method, path string, form url.Values, into any) {
	b.t.Helper()
	request := withForm(b.t, method, b.lms.URL+path, form)
	request.Header.Set("X-CSRFToken", b.held()["csrftoken"])
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s", method, path, response.Status)
	}
	if into != nil {
		if err := json.UnmarshalRead(response.Body, into); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *browser) logIn(name, password string) {
	b.t.Helper()
	b.do(http.MethodGet, "/csrf/api/v1/token", nil, nil)
	b.do(http.MethodPost, "/api/user/v2/account/login_session/", url.Values{"email_or_username": {name}, "password": {password}}, nil)
}

// held are the cookies that the browser sends to the LMS, and to Rollcall on the same host.
func (b *browser) held() map[string]string {
	base, _ := url.Parse(b.lms.URL)
	held := map[string]string{}
	for _, cookie := range b.client.Jar.Cookies(base) {
		held[cookie.Name] = cookie.Value
	}
	return held
}

// request is what the browser sends to Rollcall, with all its cookies.
func (b *browser) request() *http.Request { return withCookiesOf(b.held()) }

func withCookiesOf(held map[string]string) *http.Request {
	r := withHeader("Cookie")
	for name, value := range held {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func TestTheCookiesOfALoginSayWhoTheLearnerIs(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	world := openedxtest.DemoWorld()
	for i := range world.Users {
		world.Users[i].Password = "pass-of-" + world.Users[i].Username
	}
	lms := openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithClock(clock))
	// The stand-in, like an LMS, says its name and not the address that somebody dialled.
	config := caller.Config{LMSURL: lms.URL, JWTIssuer: "http://127.0.0.1:18000/oauth2"}
	r := &rig{t: t, clock: clock, Verifier: caller.New(config, http.DefaultClient, clock)}
	chen := caller.Identity{Username: "jchen", Email: "james.chen@acme.com", Cookie: true}
	berg := caller.Identity{Username: "sberg", Email: "s.berg@globex.example", Cookie: true}

	james, signe := newBrowser(t, lms), newBrowser(t, lms)
	r.refuses("before the login", james.request(), caller.ErrNoCredential)
	james.logIn("jchen", "pass-of-jchen")
	signe.logIn("S.Berg@globex.example", "pass-of-sberg")
	r.wants("logged in", james.request(), chen)
	r.wants("logged in", signe.request(), berg)

	swapped := james.held()
	swapped[headerPayload] = signe.held()[headerPayload]
	r.refuses("what one says with what the other signed", withCookiesOf(swapped), caller.ErrInvalid)
	swapped = signe.held()
	swapped[headerPayload] = james.held()[headerPayload]
	r.refuses("and the other way round", withCookiesOf(swapped), caller.ErrInvalid)

	r.pass(50 * time.Minute)
	stolen := james.held()
	james.do(http.MethodPost, "/login_refresh", nil, nil)
	james.do(http.MethodGet, "/logout", nil, nil)
	r.refuses("logged out", james.request(), caller.ErrNoCredential)
	r.wants("kept from before, until it expires, as on the LMS", withCookiesOf(stolen), chen)
	r.pass(11 * time.Minute)
	r.refuses("replayed after that", withCookiesOf(stolen), caller.ErrInvalid)
	r.refuses("not refreshed", signe.request(), caller.ErrInvalid)
	signe.do(http.MethodPost, "/login_refresh", nil, nil)
	r.wants("refreshed", signe.request(), berg)

	before := signe.held()
	lms.RevokeTokens()
	james.logIn("jchen", "pass-of-jchen")
	r.pass(pause)
	r.wants("signed by the LMS's new key", james.request(), chen)
	r.refuses("signed by the key that it gave up", withCookiesOf(before), caller.ErrInvalid)

	lms.SetDown(true)
	r.pass(pause)
	r.wants("while the LMS is away", james.request(), chen)

	r.Verifier = caller.New(config, http.DefaultClient, clock)
	r.refuses("started while the LMS is away", james.request(), caller.ErrUnavailable)
	lms.SetDown(false)
	r.pass(pause)
	r.wants("and when it is back", james.request(), chen)
}

func TestATokenOfTheLMSForAProgramIsNoCookie(t *testing.T) {
	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0))
	clock := clocktesting.NewFakePassiveClock(time.Now())
	r := &rig{t: t, clock: clock, Verifier: caller.New(caller.Config{LMSURL: lms.URL, JWTIssuer: "http://127.0.0.1:18000/oauth2"}, http.DefaultClient, clock)}
	var answer struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"rollcall"}, "client_secret": {"rollcall-secret"}, "token_type": {"jwt"}}
	newBrowser(t, lms).do(http.MethodPost, "/oauth2/access_token", form, &answer)
	r.refuses("signed with the LMS's shared secret", withCookies(answer.Token), caller.ErrInvalid)
}
