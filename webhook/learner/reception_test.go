package learner

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func clientKey(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

func TestALearnerSeesOnlyTheirOwn(t *testing.T) {
	d := start(t)
	d.course("1234A")
	access := sold("1234A", "2026-01-01", "")
	d.contact("000123", "ada", access)
	d.contact("000124", "bob", access)
	d.mentor("dana", "1234A")
	ada, bob := d.logIn("ada"), d.logIn("bob")
	location := func(a answer) string {
		t.Helper()
		if a.status != http.StatusCreated {
			t.Fatalf("POST = %d %s", a.status, a.body)
		}
		return a.header.Get("Location")
	}
	messages := map[string]string{"000123": location(ada.post(supportOf("000123"), letterOf("How tight?"))), "000124": location(bob.post(supportOf("000124"), letterOf("How tight?")))}
	for own, b := range map[string]*browser{"000123": ada, "000124": bob} {
		if got := read[me](t, b.get(myself)); got.ContactID != own {
			t.Errorf("%s is told to be %s", own, got.ContactID)
		}
		for _, id := range []string{"000123", "000124", "000125", "%2e%2e", "00012%33"} {
			want := http.StatusNotFound
			if id == own || id == "00012%33" && own == "000123" {
				want = http.StatusOK
			}
			for _, path := range []string{coursesOf(id), mentorOf(id, "1234A"), supportOf(id)} {
				if a := b.get(path); a.status != want {
					t.Errorf("%s: GET %s = %d, want %d", own, path, a.status, want)
				}
				if want == http.StatusOK || path == coursesOf(id) {
					continue
				}
				if a := b.post(path, letterOf("How tight?")); a.status != want {
					t.Errorf("%s: POST %s = %d, want %d", own, path, a.status, want)
				}
			}
		}
		for of, path := range messages {
			if a := b.get(path); (a.status == http.StatusOK) != (of == own) {
				t.Errorf("%s: the message of %s = %d", own, of, a.status)
			}
			path = strings.Replace(path, of, own, 1)
			if a := b.get(path); (a.status == http.StatusOK) != (of == own) {
				t.Errorf("%s: the message of %s as one's own = %d", own, of, a.status)
			}
		}
	}
	if a := d.logIn("eve").get(myself); a.status != http.StatusNotFound {
		t.Errorf("somebody who is no contact is told %d %s", a.status, a.body)
	}
}

func TestALearnerIsFoundByUsernameAndThenByAddress(t *testing.T) {
	d := start(t)
	told := func(username string) string {
		a := d.logIn(username).get(myself)
		if a.status == http.StatusNotFound {
			return ""
		}
		return read[me](t, a).ContactID
	}
	byAddress := d.contact("by-address", "")
	change(d, byAddress, func(c *v1alpha1.Contact) { c.Spec.Email = "Ada@Acme.com" })
	if got := told("ada"); got != "by-address" {
		t.Errorf("before the account is known, ada is %q", got)
	}
	d.contact("by-username", "ada")
	if got := told("ada"); got != "by-username" {
		t.Errorf("ada is %q", got)
	}
	another := d.contact("another-account", "robert")
	change(d, another, func(c *v1alpha1.Contact) { c.Spec.Email = "bob@acme.com" })
	if got := told("bob"); got != "" {
		t.Errorf("bob is %q", got)
	}
	elsewhere := d.contact("elsewhere", "bob")
	must(t, d.admin.Delete(t.Context(), elsewhere))
	d.create(&v1alpha1.Contact{ObjectMeta: d.meta("on-another"), Spec: v1alpha1.ContactSpec{ContactID: "on-another", FirstName: "Bob", LastName: "Bo",
		Email: "bob@acme.com", PlatformRef: v1alpha1.PlatformReference{Name: "another"}},
		Status: v1alpha1.ContactStatus{Learner: v1alpha1.LearnerStatus{Username: "bob", ProvisionedBy: v1alpha1.ProvisionedByCreation}}})
	eventually(t, "bob is nobody here", func() bool { return told("bob") == "" })
}

func TestWhoIsNotKnownIsRefused(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	refused := func(what string, a answer) {
		t.Helper()
		if a.status != http.StatusUnauthorized || a.header.Get("Www-Authenticate") != "Bearer" || a.problem(t).Type != "/problems/unauthenticated" {
			t.Errorf("%s: %d %v %s, want 401", what, a.status, a.header, a.body)
		}
	}
	refused("nobody", d.stranger().get(myself))
	refused("nobody who writes", d.stranger().post(supportOf("000123"), letterOf("Hi")))
	b := d.logIn("ada")
	refused("a bearer token of nobody", b.send(http.MethodGet, myself, "", "Authorization", "Bearer abc"))

	good := b.header.Clone()
	half, signature := b.cookie("edx-jwt-cookie-header-payload"), b.cookie("edx-jwt-cookie-signature")
	with := func(half, signature string) answer {
		forger := d.stranger()
		forger.header = good.Clone()
		return forger.send(http.MethodGet, myself, "", "Cookie", "edx-jwt-cookie-header-payload="+half+"; edx-jwt-cookie-signature="+signature)
	}
	if a := with(half, signature); a.status != http.StatusOK {
		t.Fatalf("the cookies by hand: %d %s", a.status, a.body)
	}
	refused("one half", with(half, ""))
	refused("swapped halves", with(signature, half))
	refused("another's signature", with(half, d.logIn("bob").cookie("edx-jwt-cookie-signature")))
	claims := b.claims()
	claims["preferred_username"] = "bob"
	forged, err := json.Marshal(claims)
	must(t, err)
	encoded := base64.RawURLEncoding.EncodeToString(forged)
	refused("another's name", with(strings.Split(half, ".")[0]+"."+encoded, signature))
	refused("no algorithm", with(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+encoded, ""))

	d.clock.SetTime(d.clock.Now().Add(25 * time.Hour))
	refused("an old token", with(half, signature))
}

// The keys of callers' credentials are kept through an outage of the LMS.
func TestLearnersAreAnsweredWhileTheLMSIsDown(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	b := d.logIn("ada")
	d.lms.SetDown(true)
	if a := b.get(myself); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
		t.Errorf("before the keys are known: %d %s, want 503", a.status, a.body)
	}
	d.lms.SetDown(false)
	d.clock.Step(time.Minute)
	if a := b.get(myself); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	d.lms.SetDown(true)
	change(d, &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}, func(p *v1alpha1.LearningPlatform) {
		p.Spec.CallsPerMinute = 50
		p.Spec.Learners.IdentityServer = v1alpha1.IdentityServer{Issuer: "https://login.example.com", Audience: "page"}
	})
	if a := b.get(myself); a.status != http.StatusOK {
		t.Errorf("while the LMS is down: %d %s", a.status, a.body)
	}
}

// What is told comes from the cache.
func TestReadingCausesNoCall(t *testing.T) {
	d := start(t)
	d.course("1234A")
	access := sold("1234A", "2026-01-01", "")
	d.enrollment(d.contact("000123", "ada", access), access, enrolled("1234A"))
	d.mentor("dana", "1234A")
	b := d.logIn("ada")
	message := b.post(supportOf("000123"), letterOf("How tight?")).header.Get("Location")
	d.lms.ResetCalls()
	calls := d.wire.during(func() {
		for _, path := range []string{myself, coursesOf("000123"), mentorOf("000123", "1234A"), supportOf("000123"), message, "/gk/api/learner/openapi.json"} {
			if a := b.get(path); a.status != http.StatusOK {
				t.Errorf("%s = %d %s", path, a.status, a.body)
			}
			if a := b.send(http.MethodHead, path, ""); a.status != http.StatusOK || a.body != "" {
				t.Errorf("HEAD %s = %d %s", path, a.status, a.body)
			}
		}
		b.get(mentorOf("000123", "foreign"))
		b.get(coursesOf("000124"))
		d.stranger().get(myself)
		d.logIn("eve").get(myself) // which calls the LMS three times
	})
	if len(calls) > 0 {
		t.Errorf("the API server was called: %v", calls)
	}
	for _, call := range d.lms.Calls() {
		if !strings.Contains(call.Path, "login_session") && !strings.Contains(call.Path, "/csrf/") {
			t.Errorf("the LMS was called: %+v", call)
		}
	}
}

// While the API server hangs, the controllers wait for it. Learners do not.
func TestReadingWaitsForNoWrite(t *testing.T) {
	d := start(t)
	access := sold("1234A", "2026-01-01", "")
	ada := d.contact("000123", "ada", access)
	objects := []client.Object{ada, d.course("1234A"), d.enrollment(ada, access, enrolled("1234A")), d.mentor("dana", "1234A"),
		&v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}}
	b := d.logIn("ada")
	message := b.post(supportOf("000123"), letterOf("How tight?")).header.Get("Location")
	must(t, d.cached.Get(t.Context(), client.ObjectKeyFromObject(&d.stored(ada)[0]), &v1alpha1.LearnerMessage{})) // The cache has it.
	objects = append(objects, &d.stored(ada)[0])
	hanging, end := make(chan struct{}), make(chan struct{})
	d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		hanging <- struct{}{}
		<-end
		return next.RoundTrip(r)
	})
	var writers sync.WaitGroup
	for _, object := range objects {
		writers.Go(func() {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"written": "slowly"}}}`))
			if err := d.cached.Patch(t.Context(), object, patch); err != nil {
				t.Errorf("%T: %v", object, err)
			}
		})
		<-hanging
	}
	for _, path := range []string{myself, coursesOf("000123"), mentorOf("000123", "1234A"), supportOf("000123"), message} {
		if a := b.get(path); a.status != http.StatusOK {
			t.Errorf("%s = %d %s", path, a.status, a.body)
		}
	}
	close(end)
	writers.Wait()
}

func TestEveryRequestGetsItsStatus(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	d.mentor("dana", "1234A")
	b := d.logIn("ada")
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		kind, allow        string
	}{
		"no slash at the end":       {"GET", "/gk/api/learner/me", "", nil, 404, "not-found", ""},
		"nothing there":             {"GET", "/gk/api/learner/", "", nil, 404, "not-found", ""},
		"the root":                  {"GET", "/", "", nil, 404, "not-found", ""},
		"dots":                      {"GET", "/gk/api/learner/x/../me/", "", nil, 404, "not-found", ""},
		"a message of nobody":       {"GET", "/gk/api/learner/contacts/000123/messages/none/", "", nil, 404, "not-found", ""},
		"a message that cannot be":  {"GET", "/gk/api/learner/contacts/000123/messages/A%00/", "", nil, 404, "not-found", ""},
		"DELETE":                    {"DELETE", myself, "", nil, 405, "method-not-allowed", "GET, HEAD"},
		"POST of courses":           {"POST", coursesOf("000123"), "{}", nil, 405, "method-not-allowed", "GET, HEAD"},
		"PUT to the mentor":         {"PUT", mentorOf("000123", "1234A"), "{}", nil, 405, "method-not-allowed", "GET, HEAD, POST"},
		"PATCH to support":          {"PATCH", supportOf("000123"), "{}", nil, 405, "method-not-allowed", "GET, HEAD, POST"},
		"OPTIONS that asks nothing": {"OPTIONS", supportOf("000123"), "", nil, 405, "method-not-allowed", "GET, HEAD, POST"},
		"PUT of the description":    {"PUT", "/gk/api/learner/openapi.json", "{}", nil, 405, "method-not-allowed", "GET, HEAD"},
		"too large":                 {"POST", supportOf("000123"), `{"text": "` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "too-large", ""},
		"a form":                    {"POST", supportOf("000123"), "text=Hi", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported-media-type", ""},
		"text":                      {"POST", supportOf("000123"), letterOf("Hi"), []string{"Content-Type", "text/plain"}, 415, "unsupported-media-type", ""},
		"packed otherwise":          {"POST", supportOf("000123"), letterOf("Hi"), []string{"Content-Encoding", "br"}, 415, "unsupported-media-type", ""},
		"no JSON":                   {"POST", supportOf("000123"), "{", nil, 400, "not-json", ""},
		"no key":                    {"POST", supportOf("000123"), letterOf("Hi"), []string{"Idempotency-Key", "a b"}, 400, "bad-request", ""},
		"a long key":                {"POST", supportOf("000123"), letterOf("Hi"), []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "bad-request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.send(test.method, test.path, test.body, test.header...)
			if a.status != test.status || a.problem(t).Type != "/problems/"+test.kind {
				t.Fatalf("%d %s, want %d %s", a.status, a.body, test.status, test.kind)
			}
			if got := a.header.Get("Allow"); got != test.allow {
				t.Errorf("Allow: %q, want %q", got, test.allow)
			}
		})
	}
	if a := b.send(http.MethodGet, myself, "", "Accept", "text/html"); a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%v", a.header)
	}
}

func TestBeforeTheCacheIsFilledNothingIsAnswered(t *testing.T) {
	var starting Server
	if err := starting.Ready(nil); err == nil {
		t.Error("it is ready")
	}
	handler := starting.Handler()
	for _, path := range []string{myself, coursesOf("000123"), supportOf("000123")} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if recorder.Code != http.StatusServiceUnavailable || recorder.Header().Get("Retry-After") == "" {
			t.Errorf("%s = %d %v, want 503 with Retry-After", path, recorder.Code, recorder.Header())
		}
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/gk/api/learner/assets/rollcall.js", http.NoBody))
	if recorder.Code != http.StatusOK {
		t.Errorf("the script = %d", recorder.Code)
	}
}

func TestWithoutAPlatformLearnersAreAskedToComeAgain(t *testing.T) {
	d := start(t, func(o *Options) { o.Platform = "not-yet" })
	if a := d.logIn("ada").get(myself); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
		t.Errorf("%d %s, want 503", a.status, a.body)
	}
	d.create(&v1alpha1.LearningPlatform{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "not-yet"}, Spec: v1alpha1.LearningPlatformSpec{
		URL: d.lms.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}, TimeZone: "UTC"}})
	if a := d.logIn("ada").get(myself); a.status != http.StatusUnauthorized { // its issuer is another one
		t.Errorf("%d %s, want 401", a.status, a.body)
	}
}
