package ingest

import (
	"net/http"
	"strings"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/trail"
)

func TestEveryAnswerNamesItsRequestAndItsTrace(t *testing.T) {
	d := open(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	nobody := "nonsense"
	asked := http.Header{"X-Request-Id": {"order-4711"}, "Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}}
	check := func(name string, status int, r request) {
		r.header = asked
		a := d.send(r)
		if a.status != status || a.header.Get("X-Request-ID") != "order-4711" || !strings.HasPrefix(a.header.Get("Traceparent"), "00-"+trace+"-") {
			t.Errorf("%s: %d with the headers %v", name, a.status, a.header)
		}
		r.header = http.Header{"X-Request-Id": {"joe@acme.com"}}
		if a = d.send(r); a.header.Get("X-Request-ID") == "joe@acme.com" || !trail.IsRequestID(a.header.Get("X-Request-ID")) || len(a.header.Get("Traceparent")) != 55 {
			t.Errorf("%s, with an ID that is none: %d with the headers %v", name, a.status, a.header)
		}
	}
	check("new", 201, request{method: http.MethodPut, path: pathOf("anna"), body: learner("anna", "Anna")})
	check("read", 200, request{method: http.MethodGet, path: pathOf("anna")})
	check("no document", 400, request{method: http.MethodPut, path: pathOf("anna"), body: "{"})
	check("no credential", 401, request{method: http.MethodPut, path: pathOf("anna"), token: &nobody})
	check("no contact", 404, request{method: http.MethodGet, path: pathOf("nobody")})
	check("no path", 404, request{method: http.MethodGet, path: "/joe/../x"})
	check("no method", 405, request{method: http.MethodPatch, path: pathOf("anna")})
	d.wire.breakWith(func(http.RoundTripper, *http.Request) (*http.Response, error) { panic("for the test") })
	check("our fault", 500, request{method: http.MethodPut, path: pathOf("anna"), body: learner("anna", "Berta")})
	d.wire.breakWith(nil)
	d.synced.Store(false)
	check("starting", 503, request{method: http.MethodGet, path: pathOf("anna")})
	d.synced.Store(true)
}

func TestAContactCarriesTheTrailOfItsDocument(t *testing.T) {
	d := open(t)
	send := func(id, name string) answer {
		return d.send(request{method: http.MethodPut, path: pathOf("anna"), body: learner("anna", name), header: http.Header{"X-Request-Id": {id}}})
	}
	var first answer
	if calls := d.wire.during(func() { first = send("first", "Anna") }); calls["POST contacts"] != 1 || calls["PUT contacts"] != 0 {
		t.Errorf("a new document cost %v, want one write", calls)
	}
	check := func(id string, a answer) {
		t.Helper()
		annotations := d.contact("anna").Annotations
		if got := annotations[v1alpha1.DocumentRequestIDAnnotation]; got != id {
			t.Errorf("the Contact carries the request ID %q, want %q", got, id)
		}
		if got, want := annotations[v1alpha1.DocumentTraceparentAnnotation], a.header.Get("Traceparent"); got != want {
			t.Errorf("the Contact carries the traceparent %q, want %q", got, want)
		}
	}
	check("first", first)
	send("again", "Anna") // writes nothing
	check("first", first)
	check("second", send("second", "Berta"))
}
