package middleware

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"rollcall.dev/rollcall/internal/trail"
)

var (
	spans   = tracetest.NewSpanRecorder()
	counted = NewMetrics("test")
)

func TestMain(m *testing.M) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	os.Exit(m.Run())
}

// observed serves a handler for one route as a door does, on a real connection.
func observed(t *testing.T, pattern string, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(pattern, handler)
	route := RouteOf(mux)
	server := httptest.NewServer(RequestID(Trace(route, counted.Count(route, mux))))
	t.Cleanup(server.Close)
	return server
}

// send gives the header of the answer.
func send(t *testing.T, method, url, body string, header http.Header) http.Header {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	must(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	must(t, err)
	return response.Header
}

func TestARequestKeepsItsIDIfThatIsFit(t *testing.T) {
	var seen string
	server := observed(t, "/", func(_ http.ResponseWriter, r *http.Request) { seen = trail.RequestID(r.Context()) })
	for sent, kept := range map[string]bool{
		"order-4711.A_b":         true,
		strings.Repeat("a", 128): true,
		strings.Repeat("a", 129): false,
		"":                       false,
		"a b":                    false,
		"Jürgen":                 false,
		`a"},{"b`:                false,
		"joe@acme.com":           false,
	} {
		answered := send(t, http.MethodGet, server.URL, "", http.Header{"X-Request-Id": {sent}})
		got := answered.Get("X-Request-ID")
		if got != seen || !trail.IsRequestID(got) || (got == sent) != kept {
			t.Errorf("%.20q came back as %q; the handler saw %q", sent, got, seen)
		}
	}
}

func TestTheSpanOfARequestGoesOnWithItsTrace(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	server := observed(t, "PUT /contacts/{contactID}/{$}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	answered := send(t, http.MethodPut, server.URL+"/contacts/000123/?a=joe@acme.com", "", http.Header{
		"Traceparent": {"00-" + trace + "-" + parent + "-01"}, "Tracestate": {"vendor=1"}, "User-Agent": {"joe@acme.com"},
	})
	span := lastSpan(t)
	if got, want := answered.Get("Traceparent"), "00-"+trace+"-"+span.SpanContext().SpanID().String()+"-01"; got != want {
		t.Errorf("traceparent of the answer is %q, want %q", got, want)
	}
	if span.SpanContext().TraceID().String() != trace || span.Parent().SpanID().String() != parent || span.SpanContext().TraceState().String() != "vendor=1" {
		t.Errorf("the span is %v below %v", span.SpanContext(), span.Parent())
	}
	attributes := map[string]string{}
	for _, a := range span.Attributes() {
		attributes[string(a.Key)] = a.Value.String()
	}
	want := map[string]string{"http.request.method": "PUT", "http.route": "/contacts/{contactID}/", "http.response.status_code": "503"}
	if diff := cmp.Diff(want, attributes); diff != "" || span.Name() != "PUT /contacts/{contactID}/" || span.Status().Code != codes.Error {
		t.Errorf("the span %s is %v and says (-want +got):\n%s", span.Name(), span.Status(), diff)
	}
}

func TestARequestWithoutATraceBeginsOne(t *testing.T) {
	server := observed(t, "/", func(http.ResponseWriter, *http.Request) {})
	for _, sent := range []string{"", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "joe@acme.com"} {
		answered := send(t, http.MethodGet, server.URL, "", http.Header{"Traceparent": {sent}})
		span := lastSpan(t)
		if got := answered.Get("Traceparent"); span.Parent().IsValid() || !strings.Contains(got, span.SpanContext().TraceID().String()) {
			t.Errorf("after %q the answer has the traceparent %q", sent, got)
		}
	}
}

// lastSpan gives the span that ended last; it may end after the answer has arrived.
func lastSpan(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	eventually(t, "all spans have ended", func() bool { return len(spans.Ended()) == len(spans.Started()) })
	ended := spans.Ended()
	return ended[len(ended)-1]
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	server := observed(t, "/counted/{id}/{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("cut") {
			panic(http.ErrAbortHandler)
		}
		if got := testutil.ToFloat64(counted.inFlight); got != 1 {
			t.Errorf("%v requests are in flight, want this one", got)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	})
	counted.requests.Reset()
	received, sent := testutil.ToFloat64(counted.received), testutil.ToFloat64(counted.sent)
	send(t, http.MethodPut, server.URL+"/counted/1/", "document", nil)
	send(t, http.MethodPut, server.URL+"/counted/2/", "document", nil)
	send(t, "BREW", server.URL+"/counted/3/", "", nil)
	if response, err := http.Post(server.URL+"/counted/4/?cut", "", nil); err == nil {
		response.Body.Close()
		t.Error("the connection was not cut")
	}
	send(t, http.MethodGet, server.URL+"/joe@acme.com", "", nil)

	eventually(t, "none is in flight", func() bool { return testutil.ToFloat64(counted.inFlight) == 0 })
	for _, want := range []struct {
		route, method, status string
		count                 float64
	}{
		{"/counted/{id}/", "PUT", "200", 2}, {"/counted/{id}/", "other", "200", 1}, {"/counted/{id}/", "POST", "none", 1},
		{"/", "GET", "404", 1},
	} {
		if got := testutil.ToFloat64(counted.requests.WithLabelValues(want.route, want.method, want.status)); got != want.count {
			t.Errorf("%s %s was answered with %s %v times, want %v", want.method, want.route, want.status, got, want.count)
		}
	}
	if got := testutil.ToFloat64(counted.received) - received; got != 2*float64(len("document")) {
		t.Errorf("received %v bytes", got)
	}
	if got := testutil.ToFloat64(counted.sent) - sent; got != 3*float64(len("hello"))+float64(len("404 page not found\n")) {
		t.Errorf("sent %v bytes", got)
	}
}

func TestAHandlerCanStillStream(t *testing.T) {
	server := observed(t, "/", func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		must(t, errors.Join(control.EnableFullDuplex(), control.SetReadDeadline(time.Now().Add(time.Minute)), control.SetWriteDeadline(time.Time{})))
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			_, err := io.WriteString(w, "got "+lines.Text()+"\n")
			must(t, errors.Join(err, control.Flush()))
		}
	})
	body, line := io.Pipe()
	request, err := http.NewRequest(http.MethodPost, server.URL, body)
	must(t, err)
	go func() { _, _ = io.WriteString(line, "one\n") }()
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	answers := bufio.NewScanner(response.Body)
	for _, next := range []string{"two", "three", ""} {
		if !answers.Scan() {
			t.Fatalf("the stream ended: %v", answers.Err())
		}
		if next != "" {
			_, err = io.WriteString(line, next+"\n")
			must(t, err)
		}
	}
	must(t, line.Close())
	if answers.Scan() {
		t.Errorf("one answer too many: %s", answers.Text())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !isTrue(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 20 s it is still not true that %s", what)
		}
	}
}
