package learner

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
	"rollcall.dev/rollcall/internal/testenv"
	"rollcall.dev/rollcall/webhook/problem"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // what the door logs is collected by each test
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	testenv.Main(m)
}

// noon is what the clock of every test shows at first.
var noon = time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)

const (
	password     = "Right-pass-8841"
	mentorEmail  = "dana.wells@gk.example"
	deputyEmail  = "lee.chen@gk.example"
	supportEmail = "help@gk.example"
	page         = "https://apps.learn.example.com" // the origin of an MFE
)

// door is a learner API that serves over HTTPS, in a namespace with a platform, whose LMS is the stand-in.
type door struct {
	*Server
	t         testing.TB
	namespace string
	lms       *openedxtest.Server
	clock     *clocktesting.FakeClock
	// admin reaches the API server past the door, its cache and its wire.
	admin client.Client
	// cached is what the door reads from.
	cached client.Client
	// wire is between the door and the API server.
	wire *wire
	// logs is all that the door logs.
	logs logs
}

// start starts a door on the API server that all tests share; adjust changes its options.
func start(t testing.TB, adjust ...func(*Options)) *door {
	t.Helper()
	config := testenv.Config(t)
	scheme := runtime.NewScheme()
	must(t, v1alpha1.AddToScheme(scheme))
	admin, err := client.New(config, client.Options{Scheme: scheme})
	must(t, err)
	d := &door{t: t, namespace: testenv.Namespace(t, config), clock: clocktesting.NewFakeClock(noon), admin: admin, wire: &wire{}}
	world := openedxtest.DemoWorld()
	for _, name := range []string{"ada", "bob", "eve"} {
		world.Users = append(world.Users, openedxtest.UserSpec{Username: name, Email: name + "@acme.com", Name: name, Active: true, Password: password})
	}
	d.lms = openedxtest.Start(t, world, openedxtest.WithThrottle(0), openedxtest.WithClock(d.clock))
	d.createPlatform()

	wired := rest.CopyConfig(config)
	wired.Wrap(d.wire.around)
	mgr, err := ctrl.NewManager(wired, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultNamespaces: map[string]cache.Config{d.namespace: {}}, DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{&v1alpha1.LearnerMessage{}: {Transform: index.WithoutText}}},
		Client: client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		BaseContext: func() context.Context {
			return ctrl.LoggerInto(context.Background(), funcr.New(d.logs.write, funcr.Options{Verbosity: 5}))
		},
	})
	must(t, err)
	must(t, index.Register(t.Context(), mgr.GetFieldIndexer()))
	d.cached = mgr.GetClient()
	options := Options{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Cache: mgr.GetCache(), Namespace: d.namespace, Platform: "default",
		BindAddress: "127.0.0.1:0", CertDir: certificate(t), MessagesPerHour: 20, Clock: d.clock,
	}
	for _, change := range adjust {
		change(&options)
	}
	d.Server, err = New(options)
	must(t, err)
	must(t, mgr.Add(d.Server))

	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections() // the end waits for HTTP/2 connections
		stop()
		must(t, <-stopped)
		d.wantNothingPersonal("the log", d.logs.all())
	})
	eventually(t, "the door serves", func() bool { return d.Ready(nil) == nil })
	return d
}

// wantNothingPersonal finds addresses, and what learners write.
func (d *door) wantNothingPersonal(where, text string) {
	d.t.Helper()
	for _, secret := range []string{"@acme.com", mentorEmail, deputyEmail, supportEmail, "How tight"} {
		if strings.Contains(text, secret) {
			d.t.Errorf("%q is in %s:\n%.2000s", secret, where, text)
		}
	}
}

func (d *door) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: d.namespace, Name: name}
}

func (d *door) createPlatform() {
	d.t.Helper()
	platform := &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default"), Spec: v1alpha1.LearningPlatformSpec{
		URL: d.lms.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}, TimeZone: "Europe/Berlin",
		Learners: v1alpha1.LearnersSpec{
			JWTIssuer:      "http://127.0.0.1:18000/oauth2", // of the stand-in, wherever it listens
			AllowedOrigins: []string{page},
			Support:        v1alpha1.SupportSpec{DisplayName: "Learner Services", Email: supportEmail},
		},
	}}
	must(d.t, d.admin.Create(context.Background(), platform))
}

// change changes an object and waits until the door knows it.
func change[T client.Object](d *door, object T, how func(T)) {
	d.t.Helper()
	must(d.t, d.admin.Get(context.Background(), client.ObjectKeyFromObject(object), object))
	how(object)
	must(d.t, d.admin.Update(context.Background(), object))
	d.seen(object)
}

// create makes objects, each with the status that it has, and waits until the door knows them.
func (d *door) create(objects ...client.Object) {
	d.t.Helper()
	for _, object := range objects {
		wanted := object.DeepCopyObject().(client.Object)
		must(d.t, d.admin.Create(context.Background(), object))
		wanted.SetUID(object.GetUID())
		wanted.SetResourceVersion(object.GetResourceVersion())
		must(d.t, d.admin.Status().Update(context.Background(), wanted))
		object.SetUID(wanted.GetUID())
		d.seen(wanted)
	}
}

// seen waits until the door's cache is as new as an object.
func (d *door) seen(object client.Object) {
	d.t.Helper()
	cached := object.DeepCopyObject().(client.Object)
	eventually(d.t, "the cache has the object", func() bool {
		err := d.cached.Get(context.Background(), client.ObjectKeyFromObject(object), cached)
		return err == nil && cached.GetResourceVersion() == object.GetResourceVersion()
	})
}

// sold is a course in a document.
func sold(code, start, end string) v1alpha1.CourseAccess {
	return v1alpha1.CourseAccess{CourseCode: code, AccessStartDate: v1alpha1.Date(start), AccessEndDate: v1alpha1.Date(end)}
}

// contact makes a learner whose account on the LMS is known.
func (d *door) contact(contactID, username string, courses ...v1alpha1.CourseAccess) *v1alpha1.Contact {
	d.t.Helper()
	contact := &v1alpha1.Contact{ObjectMeta: d.meta(names.Contact(contactID)), Spec: v1alpha1.ContactSpec{
		ContactID: contactID, FirstName: "Ada", LastName: "Lovelace", Email: "contact." + contactID + "@acme.com", Enrollments: courses,
	}}
	if username != "" {
		contact.Status.Learner = v1alpha1.LearnerStatus{Username: username, ProvisionedBy: v1alpha1.ProvisionedByCreation}
	}
	d.create(contact)
	return contact
}

// course makes a Course that is checked.
func (d *door) course(code string) *v1alpha1.Course {
	d.t.Helper()
	course := &v1alpha1.Course{ObjectMeta: d.meta(strings.ToLower(code)), Spec: v1alpha1.CourseSpec{CourseCode: code, CourseKey: keyOf(code)}}
	course.Status.Title = "Course " + code
	course.Status.GradesTime = &metav1.Time{Time: noon.Add(-time.Hour)}
	course.Status.ProgressTime = &metav1.Time{Time: noon.Add(-time.Minute)}
	d.create(course)
	return course
}

func keyOf(code string) string { return "course-v1:GK+" + code + "+2017" }

// enrollment makes the Enrollment of a course in a learner's document, as the controller does.
func (d *door) enrollment(contact *v1alpha1.Contact, access v1alpha1.CourseAccess, status v1alpha1.EnrollmentStatus) *v1alpha1.Enrollment {
	d.t.Helper()
	made := &v1alpha1.Enrollment{
		ObjectMeta: d.meta(names.Enrollment(contact.Spec.ContactID, access.CourseCode)),
		Spec: v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: contact.Name}, CourseCode: access.CourseCode,
			AccessStartDate: access.AccessStartDate, AccessEndDate: access.AccessEndDate},
		Status: status,
	}
	must(d.t, ctrl.SetControllerReference(contact, made, d.admin.Scheme()))
	d.create(made)
	return made
}

// mentor makes a CourseMentor.
func (d *door) mentor(name, code string, adjust ...func(*v1alpha1.CourseMentorSpec)) *v1alpha1.CourseMentor {
	d.t.Helper()
	made := &v1alpha1.CourseMentor{ObjectMeta: d.meta(name), Spec: v1alpha1.CourseMentorSpec{
		CourseCode: code, MentorProfile: v1alpha1.MentorProfile{DisplayName: "Dana Wells", Email: mentorEmail},
	}}
	for _, change := range adjust {
		change(&made.Spec)
	}
	d.create(made)
	return made
}

// browser is a learner's: it keeps cookies, and sends them to the LMS and to the door, which have one host.
type browser struct {
	d      *door
	client *http.Client
	// header goes with every request.
	header http.Header
}

var transport = &http.Transport{
	TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // any certificate: that the right one is served is the doors' test
	ForceAttemptHTTP2:   true,
	MaxIdleConnsPerHost: 64,
}

// stranger is a browser in which nobody is logged in.
func (d *door) stranger() *browser {
	jar, err := cookiejar.New(nil)
	must(d.t, err)
	return &browser{d: d, client: &http.Client{Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, header: http.Header{}}
}

// logIn is a browser in which a learner logged in to the LMS.
func (d *door) logIn(username string) *browser {
	d.t.Helper()
	b := d.stranger()
	response, err := b.client.Get(d.lms.URL + "/csrf/api/v1/token")
	must(d.t, err)
	response.Body.Close()
	login, err := http.NewRequest(http.MethodPost, d.lms.URL+"/api/user/v2/account/login_session/",
		strings.NewReader(url.Values{"email_or_username": {username}, "password": {password}}.Encode()))
	must(d.t, err)
	login.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Csrftoken": {b.cookie("csrftoken")}}
	response, err = b.client.Do(login)
	must(d.t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		d.t.Fatalf("the login of %s = %d", username, response.StatusCode)
	}
	b.header.Set(csrfHeader, b.cookie("csrftoken"))
	return b
}

func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.d.lms.URL)
	must(b.d.t, err)
	for _, cookie := range b.client.Jar.Cookies(at) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
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

// read reads the body of an answer.
func read[T any](t testing.TB, a answer) T {
	t.Helper()
	var into T
	if a.status >= 300 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	must(t, json.Unmarshal([]byte(a.body), &into))
	return into
}

// send sends a request with headers besides the browser's; an empty one takes the browser's away.
func (b *browser) send(method, path, body string, headers ...string) answer {
	b.d.t.Helper()
	r, err := http.NewRequest(method, "https://"+b.d.Addr().String()+path, strings.NewReader(body))
	must(b.d.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, b.header.Clone())
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	response, err := b.client.Do(r)
	must(b.d.t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	must(b.d.t, err)
	a := answer{response.StatusCode, response.Header, string(got)}
	b.d.wantNothingPersonal("the answer to "+path, a.body)
	if err := contractOf(b.d.t).judge(r, body, a); err != nil {
		b.d.t.Error(err)
	}
	return a
}

func (b *browser) get(path string) answer {
	b.d.t.Helper()
	return b.send(http.MethodGet, path, "")
}

func (b *browser) post(path, body string, headers ...string) answer {
	b.d.t.Helper()
	return b.send(http.MethodPost, path, body, headers...)
}

const myself = "/gk/api/learner/me/"

func coursesOf(contactID string) string { return "/gk/api/learner/contacts/" + contactID + "/courses/" }
func supportOf(contactID string) string { return "/gk/api/support/contacts/" + contactID + "/" }
func mentorOf(contactID, course string) string {
	return "/gk/api/mentor/contacts/" + contactID + "/courses/" + course + "/"
}

// letterOf is the body of a request that sends a message.
func letterOf(text string) string { return fmt.Sprintf(`{"text": %q}`, text) }

// messages gives what the API server has of a contact's messages.
func (d *door) stored(contact *v1alpha1.Contact) []v1alpha1.LearnerMessage {
	d.t.Helper()
	var list v1alpha1.LearnerMessageList
	must(d.t, d.admin.List(context.Background(), &list, client.InNamespace(d.namespace)))
	var of []v1alpha1.LearnerMessage
	for _, m := range list.Items {
		if m.Spec.ContactRef.Name == contact.Name {
			of = append(of, m)
		}
	}
	return of
}

// claims reads what the token in the cookies of a browser says.
func (b *browser) claims() map[string]any {
	b.d.t.Helper()
	payload := strings.Split(b.cookie("edx-jwt-cookie-header-payload"), ".")[1]
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	must(b.d.t, err)
	claims := map[string]any{}
	must(b.d.t, json.Unmarshal(decoded, &claims))
	return claims
}

// wire counts the calls to the API server, and can break them.
type wire struct {
	mu    sync.Mutex
	calls []string
	// fault, if set, may answer a call instead of the API server.
	fault func(next http.RoundTripper, r *http.Request) (*http.Response, error)
}

func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		w.calls = append(w.calls, r.Method+" "+r.URL.Path)
		fault := w.fault
		w.mu.Unlock()
		if fault != nil {
			return fault(next, r)
		}
		return next.RoundTrip(r)
	})
}

// during gives the calls to the API server that something causes.
func (w *wire) during(something func()) []string {
	w.mu.Lock()
	w.calls = nil
	w.mu.Unlock()
	something()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

func (w *wire) breakWith(fault func(next http.RoundTripper, r *http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// logs collects log lines.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) write(prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(prefix + " " + args + "\n")
}

func (l *logs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// certificate writes a certificate for 127.0.0.1 and gives its folder.
func certificate(t testing.TB) string {
	t.Helper()
	cert, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	must(t, err)
	dir := t.TempDir()
	must(t, certutil.WriteCert(dir+"/tls.crt", cert))
	must(t, certutil.WriteCert(dir+"/tls.key", key))
	return dir
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
