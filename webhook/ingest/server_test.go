package ingest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"k8s.io/client-go/rest"

	"rollcall.dev/rollcall/internal/testenv"
)

func TestEveryRequestGetsItsStatus(t *testing.T) {
	d := open(t)
	d.put("stored", learner("stored", "Jane"))
	stored := pathOf("stored")
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	large := learner("stored", "Jane") + strings.Repeat(" ", int(DefaultLimits().DocumentBytes))

	for name, test := range map[string]struct {
		request request
		status  int
		kind    string
		header  http.Header
	}{
		"GET":                {request{method: "GET", path: stored}, 200, "", nil},
		"HEAD":               {request{method: "HEAD", path: stored}, 200, "", nil},
		"PUT, new":           {request{method: "PUT", path: pathOf("new"), body: learner("new", "Joe")}, 201, "", nil},
		"PUT, same":          {request{method: "PUT", path: stored, body: learner("stored", "Jane")}, 200, "", nil},
		"charset":            {request{method: "PUT", path: stored, body: learner("stored", "Jane"), header: header("Content-Type", `application/json; charset="UTF-8"`)}, 200, "", nil},
		"escaped in the URL": {request{method: "PUT", path: pathOf("sto%72ed"), body: learner("stored", "Jane")}, 200, "", nil},
		"longest body":       {request{method: "PUT", path: stored, body: large[:DefaultLimits().DocumentBytes]}, 200, "", nil},

		"no JSON":               {request{method: "PUT", path: stored, body: "{"}, 400, "not-json", nil},
		"no body":               {request{method: "PUT", path: stored}, 400, "not-json", nil},
		"no token":              {request{method: "PUT", path: stored, token: new("")}, 401, "unauthenticated", header("Www-Authenticate", "Bearer")},
		"another credential":    {request{method: "GET", path: stored, token: new(""), header: header("Authorization", "Basic YTpi")}, 401, "unauthenticated", header("Www-Authenticate", "Bearer")},
		"wrong attribute":       {request{method: "PUT", path: stored, body: "{}"}, 403, "attribute-invalid", nil},
		"another ID":            {request{method: "PUT", path: stored, body: learner("another", "Joe")}, 403, "attribute-invalid", nil},
		"ID that cannot be":     {request{method: "PUT", path: pathOf("a%2Fb"), body: learner("a/b", "Joe")}, 403, "attribute-invalid", nil},
		"unknown contact":       {request{method: "GET", path: pathOf("unknown")}, 404, "not-found", nil},
		"GET of what cannot be": {request{method: "GET", path: pathOf("%00%FF")}, 404, "not-found", nil},
		"no ID":                 {request{method: "GET", path: "/gk/api/contacts//enrollments/"}, 404, "not-found", nil},
		"dots":                  {request{method: "PUT", path: pathOf("..")}, 404, "not-found", nil},
		"dots, escaped":         {request{method: "PUT", path: pathOf("%2e%2e")}, 404, "not-found", nil},
		"dots around":           {request{method: "GET", path: "/gk/api/../api/contacts/stored/enrollments/"}, 404, "not-found", nil},
		"no slash at the end":   {request{method: "GET", path: "/gk/api/contacts/stored/enrollments"}, 404, "not-found", nil},
		"something behind":      {request{method: "GET", path: stored + "x"}, 404, "not-found", nil},
		"root":                  {request{method: "GET", path: "/"}, 404, "not-found", nil},
		"POST":                  {request{method: "POST", path: stored}, 405, "method-not-allowed", header("Allow", "GET, HEAD, PUT")},
		"DELETE":                {request{method: "DELETE", path: stored}, 405, "method-not-allowed", header("Allow", "GET, HEAD, PUT")},
		"too large":             {request{method: "PUT", path: stored, body: large[:DefaultLimits().DocumentBytes+1]}, 413, "too-large", nil},
		"no type":               {request{method: "PUT", path: stored, body: "{}", header: http.Header{"Content-Type": nil}}, 415, "unsupported-media-type", nil},
		"XML":                   {request{method: "PUT", path: stored, body: "{}", header: header("Content-Type", "text/xml")}, 415, "unsupported-media-type", nil},
		"another charset":       {request{method: "PUT", path: stored, body: "{}", header: header("Content-Type", "application/json; charset=latin1")}, 415, "unsupported-media-type", nil},
		"compressed otherwise":  {request{method: "PUT", path: stored, body: "{}", header: header("Content-Encoding", "br")}, 415, "unsupported-media-type", header("Accept-Encoding", "gzip, identity")},
		"compressed twice":      {request{method: "PUT", path: stored, body: "{}", header: header("Content-Encoding", "gzip, gzip")}, 415, "unsupported-media-type", header("Accept-Encoding", "gzip, identity")},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.send(test.request)
			if a.status != test.status {
				t.Fatalf("%d %s, want %d", a.status, a.body, test.status)
			}
			if test.kind != "" {
				p := a.problem(t)
				if p.Type != "/problems/"+test.kind || p.Title == "" || p.Detail == "" {
					t.Errorf("%s, want type /problems/%s", a.body, test.kind)
				}
			}
			for name := range test.header {
				if got, want := a.header.Get(name), test.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// What does not arrive whole is not judged: it may well have been JSON.
func TestABodyThatDoesNotArriveWholeIsNotJudged(t *testing.T) {
	d := open(t)
	check := func(t *testing.T, status int, header http.Header, body string) {
		t.Helper()
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "5" || !strings.Contains(body, "did not arrive whole") {
			t.Errorf("PUT = %d %v %s, want 503 with Retry-After", status, header, body)
		}
	}
	t.Run("too slow", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPut, pathOf("torn"), iotest.ErrReader(os.ErrDeadlineExceeded))
		r.Header.Set("Authorization", "Bearer "+d.token)
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		d.Handler().ServeHTTP(recorder, r)
		check(t, recorder.Code, recorder.Header(), recorder.Body.String())
	})
	for name, sent := range map[string]string{
		"cut off":       "Content-Length: 1000\r\n\r\n" + learner("torn", "Jane"),
		"broken chunks": "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nno length\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
			must(t, err)
			defer func() { _ = connection.Close() }()
			_, err = fmt.Fprintf(connection, "PUT %s HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s",
				pathOf("torn"), d.token, sent)
			must(t, err)
			must(t, connection.CloseWrite())
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			must(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			must(t, err)
			check(t, response.StatusCode, response.Header, string(body))
		})
	}
	if a := d.get("torn"); a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s, want 404", a.status, a.body)
	}
}

func TestBeforeTheCacheIsFilledNothingIsAnswered(t *testing.T) {
	var starting Server
	if err := starting.Ready(nil); err == nil {
		t.Error("it is ready")
	}
	recorder := httptest.NewRecorder()
	starting.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPut, pathOf("000123"), strings.NewReader(joe())))
	if recorder.Code != http.StatusServiceUnavailable || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("PUT = %d %v, want 503 with Retry-After", recorder.Code, recorder.Header())
	}
}

func TestOnlyAPathCanBeThePrefix(t *testing.T) {
	for _, prefix := range []string{"/", "gk/api", "/gk/api/", "//gk", "/a/{x}", "/a b", "/a%20b", "/a?b", "/a/../b", "/a/.", "PUT /a", "/a\n"} {
		if _, err := New(Options{Limits: DefaultLimits(), Config: &rest.Config{}, PathPrefix: prefix}); err == nil || !strings.Contains(err.Error(), "path prefix") {
			t.Errorf("New with the path prefix %q = %v", prefix, err)
		}
	}
	for _, prefix := range []string{"", "/gk/api", "/v1.2_x~y-z", "/..a/b.."} { // the next thing to miss is the certificate
		if _, err := New(Options{Limits: DefaultLimits(), Config: &rest.Config{}, PathPrefix: prefix}); err == nil || !strings.Contains(err.Error(), "tls.crt") {
			t.Errorf("New with the path prefix %q = %v", prefix, err)
		}
	}
}

func TestWhatStopsTheDoorFromOpeningIsSaidAtOnce(t *testing.T) {
	d := open(t)
	options := Options{Limits: DefaultLimits(), Config: &rest.Config{}, CertDir: t.TempDir(), BindAddress: d.Addr().String()}
	if _, err := New(options); err == nil || !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("New without a certificate = %v", err)
	}
	options.CertDir = d.certDir
	if _, err := New(options); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("New on a port that is taken = %v", err)
	}
}

func TestANewCertificateIsServedWithoutARestart(t *testing.T) {
	d := open(t)
	served := func(certificate *x509.Certificate) func() bool {
		return func() bool {
			connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			must(t, err)
			defer func() { _ = connection.Close() }()
			state := connection.ConnectionState()
			if state.NegotiatedProtocol != "h2" || state.Version < tls.VersionTLS12 {
				t.Errorf("protocol %q, TLS version %x", state.NegotiatedProtocol, state.Version)
			}
			return state.PeerCertificates[0].Equal(certificate)
		}
	}
	eventually(t, "the second certificate is served", served(writeCertificate(t, d.certDir, "second")))
	eventually(t, "the third certificate is served", served(writeCertificate(t, d.certDir, "third")))

	if _, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestARequestThatHasBegunIsAnsweredBeforeTheEnd(t *testing.T) {
	d := open(t)
	connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer func() { _ = connection.Close() }()
	body := learner("late", "Jane")
	_, err = fmt.Fprintf(connection, "PUT %s HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		pathOf("late"), d.token, len(body))
	must(t, err)
	// The request is in the handler once its caller is known.
	eventually(t, "the caller is asked about", func() bool { return d.wire.count("POST subjectaccessreviews") > 0 })
	d.stop()
	eventually(t, "the door is shut", func() bool {
		connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
	_, err = io.WriteString(connection, body)
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("PUT = %d, want 201", response.StatusCode)
	}
}

// An outage is answered with 503 in time: whether the API server's port is closed or nothing comes back from it.
func TestWithoutAnAPIServerNothingIsAcknowledged(t *testing.T) {
	config := testenv.Config(t)
	target, err := url.Parse(config.Host)
	must(t, err)
	for name, fail := range map[string]func(*relay){"unreachable": (*relay).cut, "hanging": (*relay).hang} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between := newRelay(t, target.Host)
			relayed := rest.CopyConfig(config)
			relayed.Host = "https://" + between.listener.Addr().String()
			d := openOn(t, relayed, testenv.Namespace(t, config))
			other := d.issue("other")
			d.put("known", learner("known", "Jane"))
			d.put("same", learner("same", "Jane"))
			fail(between)

			start := time.Now()
			var requests sync.WaitGroup
			for name, r := range map[string]request{
				"a new document":           {method: http.MethodPut, path: pathOf("new"), body: learner("new", "Jane")},
				"an unchanged document":    {method: http.MethodPut, path: pathOf("same"), body: learner("same", "Jane")},
				"a changed document":       {method: http.MethodPut, path: pathOf("known"), body: learner("known", "Joe")},
				"a caller not seen before": {method: http.MethodGet, path: pathOf("known"), token: &other},
				"a verb not seen before":   {method: http.MethodGet, path: pathOf("known")},
			} {
				requests.Go(func() {
					a, err := d.try(r)
					if err != nil || a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
						t.Errorf("%s: %d %s, %v; want 503 with Retry-After", name, a.status, a.body, err)
					}
				})
			}
			requests.Wait()
			if took := time.Since(start); took > DefaultLimits().RequestTimeout+time.Second {
				t.Errorf("the last answer came after %v", took)
			}
		})
	}
}

// relay passes bytes between the door and the API server, until it fails.
type relay struct {
	listener net.Listener
	hanging  atomic.Bool
	mu       sync.Mutex
	open     []net.Conn
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{listener: listener}
	t.Cleanup(r.cut)
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				_ = near.Close()
				continue
			}
			r.mu.Lock()
			r.open = append(r.open, near, far)
			r.mu.Unlock()
			go r.pass(near, far)
			go r.pass(far, near)
		}
	}()
	return r
}

func (r *relay) pass(to, from net.Conn) {
	for buffer := make([]byte, 32<<10); ; {
		n, err := from.Read(buffer)
		if err != nil {
			_ = to.Close()
			return
		}
		if r.hanging.Load() {
			continue // the sender gets rid of it, and hears nothing
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			_ = from.Close()
			return
		}
	}
}

// cut closes the port and all connections.
func (r *relay) cut() {
	_ = r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, connection := range r.open {
		_ = connection.Close()
	}
}

// hang lets nothing pass any more.
func (r *relay) hang() { r.hanging.Store(true) }
