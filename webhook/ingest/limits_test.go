package ingest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"

	"rollcall.dev/rollcall/webhook/doors"
)

func TestEveryLimitIsAFlagThatMustNotBeZero(t *testing.T) {
	limits := DefaultLimits()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	limits.AddFlags(flags)
	flags.VisitAll(func(flag *pflag.Flag) {
		limits = DefaultLimits()
		for _, none := range []string{"0", "-1"} {
			if strings.HasSuffix(flag.Name, "-timeout") {
				none += "s"
			}
			must(t, flag.Value.Set(none))
			if _, err := New(Options{Limits: limits, Config: &rest.Config{}}); err == nil || !strings.Contains(err.Error(), "--"+flag.Name) {
				t.Errorf("New with --%s=%s = %v", flag.Name, none, err)
			}
		}
	})
}

// Whoever comes when all places are taken is told so without being asked who they are, and without sending their body.
func TestRequestsBeyondThoseInFlightAreRefusedAtOnce(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.MaxInFlight = 2 })
	d.put("warm", learner("warm", "Jane"))
	held, release := d.wire.hold("POST", "/contacts")
	var working sync.WaitGroup
	for _, id := range []string{"one", "two"} {
		working.Go(func() {
			if a, err := d.try(request{method: http.MethodPut, path: pathOf(id), body: learner(id, "Jane")}); err != nil || a.status != http.StatusCreated {
				t.Errorf("PUT = %d %s, %v after the API server goes on, want 201", a.status, a.body, err)
			}
		})
		<-held
	}

	before := metric(t, "overloaded")
	calls := d.wire.during(func() {
		for _, r := range []request{
			{method: http.MethodGet, path: pathOf("warm")},
			{method: http.MethodPut, path: pathOf("three"), body: learner("three", "Jane")},
			{method: http.MethodPut, path: pathOf("three"), body: learner("three", "Jane"), token: new("unknown")},
		} {
			a := d.send(r)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || a.problem(t).Type != "/problems/overloaded" {
				t.Errorf("%s = %d %v %s, want 503 with Retry-After", r.method, a.status, a.header, a.body)
			}
		}
		connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		defer func() { _ = connection.Close() }()
		must(t, connection.SetDeadline(time.Now().Add(d.limits.ReadTimeout/2)))
		_, err = fmt.Fprintf(connection, "PUT %s HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
			pathOf("three"), d.token)
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("PUT that has not sent its body = %d, want 503", response.StatusCode)
		}
	})
	if diff := cmp.Diff(map[string]int{}, calls); diff != "" {
		t.Errorf("calls to the API server for what is refused (-want +got):\n%s", diff)
	}
	if got := metric(t, "overloaded") - before; got != 4 {
		t.Errorf("%v were counted as overloaded, want 4", got)
	}
	if a := d.send(request{method: http.MethodDelete, path: pathOf("warm")}); a.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE = %d %s, want 405", a.status, a.body)
	}
	close(release)
	working.Wait()
	d.wire.breakWith(nil)
	if a := d.put("three", learner("three", "Jane")); a.status != http.StatusCreated {
		t.Errorf("PUT = %d %s when there is room, want 201: what was refused was not stored", a.status, a.body)
	}
}

func TestACallerBeyondItsRateIsRefusedAndOthersAreNot(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.CallerRate, o.Limits.CallerBurst = 1, 3 })
	d.put("000123", learner("000123", "Jane"))
	other := d.issue("other", rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: []string{"get"}})

	before, start, answered := metric(t, "rate_limited"), time.Now(), 1
	var a answer
	for a = d.get("000123"); a.status == http.StatusOK; a = d.get("000123") {
		answered++
	}
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || a.problem(t).Type != "/problems/too-many-requests" {
		t.Fatalf("GET beyond the rate = %d %v %s, want 429 with Retry-After: 1", a.status, a.header, a.body)
	}
	if most := 3 + int(time.Since(start).Seconds()) + 1; answered < 3 || answered > most {
		t.Errorf("%d requests were answered, want 3 to %d", answered, most)
	}
	if got := metric(t, "rate_limited") - before; got != 1 {
		t.Errorf("%v were counted as rate_limited, want 1", got)
	}
	if a := d.send(request{method: http.MethodGet, path: pathOf("000123"), token: &other}); a.status != http.StatusOK {
		t.Errorf("GET of another caller = %d %s, want 200", a.status, a.body)
	}
	eventually(t, "the caller may go on", func() bool { return d.get("000123").status == http.StatusOK })
}

// Each call that a request needs, on an API server that takes it and never answers.
func TestACallThatIsNeverAnsweredIsNoSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		method, path string // of the call
		request      request
	}{
		"who is it":                      {"POST", "/tokenreviews", request{method: http.MethodPut, path: pathOf("new"), body: learner("new", "Jane")}},
		"may they":                       {"POST", "/subjectaccessreviews", request{method: http.MethodPut, path: pathOf("new"), body: learner("new", "Jane")}},
		"who sends all this":             {"POST", "/tokenreviews", bulkRequest(learner("new", "Jane"))},
		"may they, all this":             {"POST", "/subjectaccessreviews", bulkRequest(learner("new", "Jane"))},
		"a new document":                 {"POST", "/contacts", request{method: http.MethodPut, path: pathOf("new"), body: learner("new", "Jane")}},
		"a changed document":             {"PUT", "/contacts/known", request{method: http.MethodPut, path: pathOf("known"), body: learner("known", "Joe")}},
		"is it unchanged":                {"GET", "/contacts/known", request{method: http.MethodPut, path: pathOf("known"), body: learner("known", "Jane")}},
		"is it older than what is there": {"GET", "/contacts/known", request{method: http.MethodPut, path: pathOf("known"), body: learner("known", "Joe"), header: http.Header{"If-Match": {`"x"`}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, func(o *Options) { o.Limits.RequestTimeout = time.Second })
			writer := d.token
			d.token = d.issue("first", rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: []string{"get", "update"}})
			d.put("known", learner("known", "Jane"))
			if strings.HasSuffix(test.path, "reviews") {
				test.request.token = &writer // nothing is remembered of it
			}
			_, release := d.wire.hold(test.method, test.path)
			defer close(release)

			start := time.Now()
			a := d.send(test.request)
			took := time.Since(start)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
				t.Errorf("%d %s, want 503 with Retry-After", a.status, a.body)
			}
			if took > d.limits.RequestTimeout+doors.AnswerTimeout {
				t.Errorf("the answer took %v", took)
			}
			if got := d.contact("known").Spec.FirstName; got != "Jane" {
				t.Errorf("the stored first name is %s", got)
			}
			d.wire.breakWith(nil)
			eventually(t, "all is well again", func() bool { return d.put("new", learner("new", "Jane")).status < 300 })
		})
	}
}

// Over both protocols, a body that stops coming is given up after the read time-out.
func TestABodyThatStopsIsGivenUp(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.ReadTimeout = time.Second })
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: protocol == "HTTP/2.0"}
			defer transport.CloseIdleConnections()
			body, more := io.Pipe()
			defer func() { _ = more.Close() }()
			go func() { _, _ = io.WriteString(more, `{"Contact": `) }()
			r, err := http.NewRequest(http.MethodPut, "https://"+d.Addr().String()+pathOf("000123"), body)
			must(t, err)
			r.Header.Set("Authorization", "Bearer "+d.token)
			r.Header.Set("Content-Type", "application/json")
			start := time.Now()
			response, err := transport.RoundTrip(r)
			must(t, err)
			defer response.Body.Close()
			if response.Proto != protocol || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "5" {
				t.Errorf("PUT = %s %d %v, want 503 with Retry-After", response.Proto, response.StatusCode, response.Header)
			}
			if took := time.Since(start); took > d.limits.RequestTimeout {
				t.Errorf("the answer took %v", took)
			}
		})
	}
}
