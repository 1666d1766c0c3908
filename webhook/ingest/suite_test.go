package ingest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/testenv"
	"rollcall.dev/rollcall/webhook/problem"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // what the door logs is collected by each test
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	testenv.Main(m)
}

// door is an ingest that serves over HTTPS, in a namespace of its own.
type door struct {
	*Server
	t         testing.TB
	config    *rest.Config
	namespace string
	certDir   string
	// admin reaches the API server past the door, its cache and its wire.
	admin client.Client
	// wire is between the door and the API server.
	wire *wire
	// token may read and write documents.
	token string
	// logs is all that the door logs.
	logs logs
	// stop ends the door; it does so at the end of the test, too.
	stop func()
}

// open starts a door on the API server that all tests share; adjust changes its options.
func open(t testing.TB, adjust ...func(*Options)) *door {
	t.Helper()
	config := testenv.Config(t)
	return openOn(t, config, testenv.Namespace(t, config), adjust...)
}

func openOn(t testing.TB, config *rest.Config, namespace string, adjust ...func(*Options)) *door {
	t.Helper()
	admin, err := client.New(config, client.Options{Scheme: schemeOf(t)})
	must(t, err)
	d := &door{t: t, config: config, namespace: namespace, certDir: t.TempDir(), admin: admin}
	d.token = d.issue("writer", rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"},
		Resources: []string{"contacts/document"}, Verbs: []string{"get", "update"}})
	writeCertificate(t, d.certDir, "first")
	d.serve(func(c client.Client) client.Client { return c }, adjust...)
	return d
}

// replica starts a second door beside the first, with a cache and a wire of its own; around stands before its client.
func (d *door) replica(around func(client.Client) client.Client) *door {
	d.t.Helper()
	other := &door{t: d.t, config: d.config, namespace: d.namespace, certDir: d.certDir, admin: d.admin, token: d.token}
	other.serve(around)
	return other
}

func (d *door) serve(around func(client.Client) client.Client, adjust ...func(*Options)) {
	t, namespace, scheme := d.t, d.namespace, schemeOf(d.t)
	t.Helper()
	d.wire = &wire{}
	wired := rest.CopyConfig(d.config)
	wired.Wrap(d.wire.around)
	mgr, err := ctrl.NewManager(wired, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}, DefaultTransform: cache.TransformStripManagedFields()},
		Client:  client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		BaseContext: func() context.Context {
			// Above 5, client-go logs the bodies that it sends: whoever asks for that wants to see them.
			return ctrl.LoggerInto(context.Background(), funcr.New(d.logs.write, funcr.Options{Verbosity: 5}))
		},
	})
	must(t, err)
	must(t, index.Register(t.Context(), mgr.GetFieldIndexer()))
	options := Options{
		Client:      around(mgr.GetClient()),
		APIReader:   mgr.GetAPIReader(),
		Cache:       mgr.GetCache(),
		Config:      wired,
		Namespace:   namespace,
		BindAddress: "127.0.0.1:0",
		CertDir:     d.certDir,
		Replicated:  true,
		Limits:      DefaultLimits(),
	}
	for _, change := range adjust {
		change(&options)
	}
	d.Server, err = New(options)
	must(t, err)
	must(t, mgr.Add(d.Server))

	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		insecure.CloseIdleConnections() // the end waits for HTTP/2 connections
		stop()
		must(t, <-stopped)
		for _, secret := range []string{d.token, "@acme.com", "Smith"} {
			if all := d.logs.all(); strings.Contains(all, secret) {
				t.Errorf("%.20q is in the log:\n%.2000s", secret, all)
			}
		}
	})
	eventually(t, "the door serves", func() bool { return d.Ready(nil) == nil })
}

func schemeOf(t testing.TB) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, v1alpha1.AddToScheme(scheme))
	return scheme
}

// issue makes a service account with some permissions and gives a token of it.
func (d *door) issue(name string, rules ...rbacv1.PolicyRule) string {
	d.t.Helper()
	meta := metav1.ObjectMeta{Namespace: d.namespace, Name: name}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	must(d.t, d.admin.Create(context.Background(), account))
	must(d.t, d.admin.Create(context.Background(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}))
	must(d.t, d.admin.Create(context.Background(), &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: d.namespace, Name: name}},
	}))
	request := &authenticationv1.TokenRequest{}
	must(d.t, d.admin.SubResource("token").Create(context.Background(), account, request))
	return request.Status.Token
}

// answer is what came back from the door.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem reads the body of an answer that is no success.
func (a answer) problem(t testing.TB) problem.Problem {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%d has Content-Type %q and body %s", a.status, got, a.body)
	}
	var p problem.Problem
	must(t, json.Unmarshal([]byte(a.body), &p, json.RejectUnknownMembers(true)))
	if p.Status != a.status {
		t.Errorf("the problem says status %d in an answer of status %d", p.Status, a.status)
	}
	return p
}

// request is what is sent to the door; only what differs from a usual PUT has to be given.
type request struct {
	method, path, body string
	token              *string
	header             http.Header
}

func (d *door) send(r request) answer {
	d.t.Helper()
	a, err := d.try(r)
	must(d.t, err)
	return a
}

func (d *door) try(r request) (answer, error) { return d.tryBy(insecure, r) }

// tryBy sends a request by an HTTP client of its own.
func (d *door) tryBy(client *http.Client, r request) (answer, error) {
	req, err := http.NewRequest(r.method, "https://"+d.Addr().String(), strings.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	req.URL.Path, req.URL.RawPath = "", ""
	req.URL.Opaque = "//" + d.Addr().String() + r.path // as it is: no cleaning, no decoding
	req.Header.Set("Content-Type", "application/json")
	if token := ptr.Deref(r.token, d.token); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	maps.Copy(req.Header, r.header)
	response, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a := answer{response.StatusCode, response.Header, string(body)}
	if err == nil {
		if err := contractOf(d.t).judge(client, r, req.Header, a); err != nil {
			d.t.Error(err)
		}
	}
	return a, err
}

// insecure takes any certificate: that the right one is served has a test of its own.
var insecure = &http.Client{
	Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func pathOf(contactID string) string { return "/gk/api/contacts/" + contactID + "/enrollments/" }

func (d *door) put(contactID, body string) answer {
	d.t.Helper()
	return d.send(request{method: http.MethodPut, path: pathOf(contactID), body: body})
}

func (d *door) get(contactID string) answer {
	d.t.Helper()
	return d.send(request{method: http.MethodGet, path: pathOf(contactID)})
}

// contact reads a Contact from the API server.
func (d *door) contact(name string) *v1alpha1.Contact {
	d.t.Helper()
	contact := &v1alpha1.Contact{}
	must(d.t, d.admin.Get(context.Background(), client.ObjectKey{Namespace: d.namespace, Name: name}, contact))
	return contact
}

// course makes a Course and waits until the door knows it.
func (d *door) course(code string) *v1alpha1.Course {
	d.t.Helper()
	course := &v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: strings.ToLower(code)},
		Spec:       v1alpha1.CourseSpec{CourseCode: code, CourseKey: "course-v1:GK+" + code + "+2017"},
	}
	must(d.t, d.admin.Create(context.Background(), course))
	d.seen(course)
	return course
}

// seen waits until the door's cache is as new as an object.
func (d *door) seen(object client.Object) {
	d.t.Helper()
	cached := object.DeepCopyObject().(client.Object)
	eventually(d.t, "the cache has the object", func() bool {
		err := d.store.cached.Get(context.Background(), client.ObjectKeyFromObject(object), cached)
		return err == nil && cached.GetResourceVersion() == object.GetResourceVersion()
	})
}

// wire counts the calls to the API server, and can break them.
type wire struct {
	mu    sync.Mutex
	calls map[string]int
	// fault, if set, may answer a call instead of the API server.
	fault func(next http.RoundTripper, r *http.Request) (*http.Response, error)
}

func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		if w.calls == nil {
			w.calls = map[string]int{}
		}
		if r.Method != http.MethodGet {
			_, rest, _ := strings.Cut(r.URL.Path, "/namespaces/")
			_, resource, namespaced := strings.Cut(rest, "/")
			if !namespaced {
				resource = filepath.Base(r.URL.Path)
			}
			resource, _, _ = strings.Cut(resource, "/")
			w.calls[r.Method+" "+resource]++
		}
		fault := w.fault
		w.mu.Unlock()
		if fault != nil {
			return fault(next, r)
		}
		return next.RoundTrip(r)
	})
}

// during gives the writing calls to the API server that something causes.
func (w *wire) during(something func()) map[string]int {
	w.mu.Lock()
	w.calls = map[string]int{}
	w.mu.Unlock()
	something()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

func (w *wire) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[call]
}

func (w *wire) breakWith(fault func(next http.RoundTripper, r *http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

// hold makes the API server silent about the calls whose path ends so: held says that one has come, and release, when it is
// closed, lets them go on.
func (w *wire) hold(method, path string) (held <-chan struct{}, release chan<- struct{}) {
	came, goOn := make(chan struct{}, 16), make(chan struct{})
	w.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, path) {
			return next.RoundTrip(r)
		}
		came <- struct{}{}
		select {
		case <-goOn:
			return next.RoundTrip(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})
	return came, goOn
}

// logs collects log lines.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) write(prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, prefix+" "+args)
}

// forget makes room.
func (l *logs) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *logs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// writeCertificate writes a key and a self-signed certificate for 127.0.0.1.
func writeCertificate(t testing.TB, dir, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for file, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der},
		"tls.key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		must(t, os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600))
	}
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return certificate
}

// joe is the document of the API's description, with some of it replaced.
func joe(replacements ...string) string {
	const document = `{"Contact": {"ContactID": "000123", "FirstName": "Joe", "LastName": "Smith", "Email": "joe.smith@acme.com",
 "Enrollments": [{"CourseCode": "1234A", "AccessStartDate": "2017-10-01", "AccessEndDate": "2018-09-30"}]}}`
	return strings.NewReplacer(replacements...).Replace(document)
}

// learner is a document with the given ID and first name and no enrollments.
func learner(contactID, firstName string) string {
	return fmt.Sprintf(`{"Contact": {"ContactID": %q, "FirstName": %q, "LastName": "Doe", "Email": "%s@acme.com", "Enrollments": []}}`,
		contactID, firstName, strings.ToLower(contactID))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is true.
func eventually(t testing.TB, what string, isTrue func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !isTrue(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 20 s it is still not true that %s", what)
		}
	}
}
