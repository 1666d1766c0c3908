package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/yaml"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
	"rollcall.dev/rollcall/internal/testenv"
	"rollcall.dev/rollcall/internal/tracing"
	"rollcall.dev/rollcall/webhook/ingest"
)

// asProgram is a variable that makes the tests' program what main is, for tests that need a process of its own.
const asProgram = "ROLLCALL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	if _, err := tracing.Start(context.Background(), ""); err != nil {
		panic(err)
	}
	testenv.Main(m)
}

// company is all of Rollcall for one test, as main wires it: an LMS, a namespace with a platform and courses, and a back
// office that sends documents over HTTPS with a token.
type company struct {
	client.Client
	t         *testing.T
	config    *rest.Config
	namespace string
	lms       *openedxtest.Server
	clock     *travelClock
	certDir   string
	token     string
	door      string // host and port of the ingest
	learners  string // host and port of the learner API
	log       io.Writer
	http      *http.Client
	stop      func()
}

const (
	clientID, clientSecret = "rollcall", "rollcall-secret"
	// patience is how long a test waits for what has to happen.
	patience = time.Minute
)

// newCompany starts everything; the courses are in the LMS and have Course objects.
func newCompany(t *testing.T, courses ...string) *company {
	t.Helper()
	return newCompanyOn(t, openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0)), courses...)
}

func newCompanyOn(t *testing.T, lms *openedxtest.Server, courses ...string) *company {
	t.Helper()
	return newCompanyWith(t, lms, &travelClock{}, func(*v1alpha1.LearningPlatformSpec) {}, courses...)
}

// newCompanyWith starts everything on a clock, with a platform that is set up as a test wants it.
func newCompanyWith(t *testing.T, lms *openedxtest.Server, clock *travelClock, setUp func(*v1alpha1.LearningPlatformSpec), courses ...string) *company {
	t.Helper()
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	config := testenv.Config(t)
	direct, err := client.New(config, client.Options{Scheme: scheme})
	must(t, err)
	c := &company{
		Client: direct, t: t, config: config, lms: lms, namespace: testenv.Namespace(t, config),
		clock: clock, certDir: t.TempDir(),
	}
	c.makeCertificate()
	c.admitBackOffice()
	c.create(&corev1.Secret{ObjectMeta: c.named("open-edx"), StringData: map[string]string{"client-id": clientID, "client-secret": clientSecret}})
	platform := &v1alpha1.LearningPlatform{ObjectMeta: c.named("default"), Spec: v1alpha1.LearningPlatformSpec{
		URL: lms.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}, TimeZone: "Europe/Berlin",
	}}
	setUp(&platform.Spec)
	c.create(platform)
	for _, code := range courses {
		c.addCourse(code)
	}
	c.start()
	t.Cleanup(func() { c.stop() })
	// What a test leaves behind has to be sound, whatever the test was about.
	t.Cleanup(func() { checkConventions(t, c) })
	return c
}

// start runs Rollcall as main does.
func (c *company) start() {
	c.t.Helper()
	address, learners := freeAddress(c.t), freeAddress(c.t)
	mgr, err := newManager(c.asOperator(), options{
		ingestAddress: address, ingestCertDir: c.certDir, ingestNamespace: c.namespace, ingestLimits: ingest.DefaultLimits(),
		learnerAddress: learners, learnerCertDir: c.certDir, learnerPlatform: "default", learnerMessagesPerHour: 20,
		metricsAddress: "0", probeAddress: "0",
	}, c.clock, func(o *ctrl.Options) {
		o.Controller.SkipNameValidation = new(true)
		if c.log != nil {
			o.Logger = zap.New(zap.WriteTo(c.log))
		}
		o.Cache.DefaultNamespaces = map[string]cache.Config{c.namespace: {}}
	})
	must(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	c.door, c.learners = address, learners
	c.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Errorf("Rollcall ended with: %v", err)
		}
		c.stop = func() {}
	}
	c.eventually("the ingest answers", func() error {
		status, _, err := c.try(http.MethodGet, "nobody", "")
		if err == nil && status != http.StatusNotFound {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// asOperator gives a configuration with the permissions of config/rbac and no others.
func (c *company) asOperator() *rest.Config {
	c.t.Helper()
	content, err := os.ReadFile("config/rbac/role.yaml")
	must(c.t, err)
	role := &rbacv1.ClusterRole{}
	must(c.t, yaml.UnmarshalStrict(content, role))
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "rollcall"}},
	}
	for _, o := range []client.Object{role, binding} {
		if err := c.Create(context.Background(), o); !apierrors.IsAlreadyExists(err) {
			must(c.t, err)
		}
	}
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "rollcall"}
	return config
}

// put sends a document, with what headers in pairs say, and gives the answer.
func (c *company) put(document *document, headers ...string) (int, problem) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"Contact": document})
	must(c.t, err)
	status, answer, err := c.try(http.MethodPut, document.ContactID, string(body), headers...)
	must(c.t, err)
	var p problem
	if len(answer) > 0 {
		must(c.t, json.Unmarshal(answer, &p))
	}
	return status, p
}

func (c *company) mustPut(document *document, want int, headers ...string) problem {
	c.t.Helper()
	status, p := c.put(document, headers...)
	if status != want {
		c.t.Fatalf("PUT of %s = %d %+v, want %d", document.ContactID, status, p, want)
	}
	return p
}

func (c *company) try(method, contactID, body string, headers ...string) (int, []byte, error) {
	return c.tryAt(method, contactID+"/enrollments/", body, headers...)
}

// tryAt sends a request to a path below the contacts.
func (c *company) tryAt(method, path, body string, headers ...string) (int, []byte, error) {
	request, err := http.NewRequest(method, "https://"+c.door+"/gk/api/contacts/"+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// document and enrollment are the back office's side of the contract.
type document struct {
	ContactID, FirstName, LastName, Email string
	Enrollments                           []enrollment
}

type enrollment struct {
	CourseCode, AccessStartDate string
	AccessEndDate               string `json:",omitempty"`
}

type problem struct {
	Type, Detail string
	Errors       []struct{ Pointer, Reason, Detail string }
}

// joe is a learner with access to courses all through the tests' time.
func joe(id string, courses ...string) *document {
	d := &document{ContactID: id, FirstName: "Joe", LastName: "Smith" + id, Email: "joe." + id + "@acme.com", Enrollments: []enrollment{}}
	for _, code := range courses {
		d.Enrollments = append(d.Enrollments, enrollment{code, "2017-10-01", "2099-09-30"})
	}
	return d
}

func (c *company) contact(id string) *v1alpha1.Contact {
	c.t.Helper()
	contact := &v1alpha1.Contact{}
	must(c.t, c.Get(context.Background(), client.ObjectKey{Namespace: c.namespace, Name: names.Contact(id)}, contact))
	return contact
}

func (c *company) enrollment(id, course string) *v1alpha1.Enrollment {
	c.t.Helper()
	enrollment := &v1alpha1.Enrollment{}
	must(c.t, c.Get(context.Background(), client.ObjectKey{Namespace: c.namespace, Name: names.Enrollment(id, course)}, enrollment))
	return enrollment
}

// waitForState waits until an object's Ready has the reason, at its present generation.
func (c *company) waitForState(o conditioned, reason string) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%T %s is %s", o, o.GetName(), reason), func() error {
		if err := c.Get(context.Background(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		status := o.GetObjectStatus()
		if got := readyOf(o); got.Reason != reason || status.ObservedGeneration != o.GetGeneration() {
			return fmt.Errorf("it is %s: %s (observed %d of %d)", got.Reason, got.Message, status.ObservedGeneration, o.GetGeneration())
		}
		return nil
	})
}

func (c *company) waitForContact(id, reason string) *v1alpha1.Contact {
	c.t.Helper()
	contact := &v1alpha1.Contact{ObjectMeta: c.named(names.Contact(id))}
	c.waitForState(contact, reason)
	return contact
}

func (c *company) waitForEnrollment(id, course, reason string) *v1alpha1.Enrollment {
	c.t.Helper()
	enrollment := &v1alpha1.Enrollment{ObjectMeta: c.named(names.Enrollment(id, course))}
	c.waitForState(enrollment, reason)
	return enrollment
}

// waitForLMS waits until the learner with the e-mail address is enrolled in the course, or is not.
func (c *company) waitForLMS(email, course string, enrolled bool) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("enrolled in %s on the LMS: %v", course, enrolled), func() error {
		if got := c.enrolledOnLMS(email, course); got != enrolled {
			return fmt.Errorf("it is %v", got)
		}
		return nil
	})
}

func (c *company) enrolledOnLMS(email, course string) bool {
	account, ok := c.lms.Account(email)
	if !ok {
		return false
	}
	enrollment, ok := c.lms.Enrollment(account.Username, courseKey(course))
	return ok && enrollment.Active
}

func (c *company) eventually(what string, check func() error) {
	c.t.Helper()
	last := errors.New("not checked")
	if err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	}); err != nil {
		c.t.Fatalf("%s: %v", what, last)
	}
}

func (c *company) create(o client.Object) {
	c.t.Helper()
	must(c.t, c.Create(context.Background(), o))
}

// change updates an object as a person would.
func change[O client.Object](c *company, o O, change func(O)) {
	c.t.Helper()
	must(c.t, c.Get(context.Background(), client.ObjectKeyFromObject(o), o))
	patch := client.MergeFrom(o.DeepCopyObject().(client.Object))
	change(o)
	must(c.t, c.Patch(context.Background(), o, patch))
}

// requestCheck asks for a check of the object now.
func (c *company) requestCheck(o client.Object) {
	change(c, o, func(o client.Object) {
		o.SetAnnotations(map[string]string{v1alpha1.ReconcileRequestedAtAnnotation: c.clock.Now().Format(time.RFC3339Nano)})
	})
}

func (c *company) addCourse(code string) *v1alpha1.Course {
	c.t.Helper()
	course := &v1alpha1.Course{ObjectMeta: c.named(names.Contact(code)), Spec: v1alpha1.CourseSpec{CourseCode: code, CourseKey: courseKey(code)}}
	c.create(course)
	return course
}

func courseKey(code string) string { return "course-v1:GK+" + code + "+2017" }

func (c *company) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: c.namespace, Name: name}
}

func (c *company) makeCertificate() {
	certificate, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	must(c.t, err)
	must(c.t, os.WriteFile(filepath.Join(c.certDir, "tls.crt"), certificate, 0o600))
	must(c.t, os.WriteFile(filepath.Join(c.certDir, "tls.key"), key, 0o600))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 30 * time.Second}
	c.t.Cleanup(c.http.CloseIdleConnections)
}

// admitBackOffice gives a service account the right to read and write documents, and takes a token for it.
func (c *company) admitBackOffice() {
	c.create(&corev1.ServiceAccount{ObjectMeta: c.named("back-office")})
	c.create(&rbacv1.Role{ObjectMeta: c.named("back-office"), Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"contacts/document"}, Verbs: []string{"get", "update"},
	}}})
	c.create(&rbacv1.RoleBinding{ObjectMeta: c.named("back-office"),
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "back-office"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "back-office", Namespace: c.namespace}},
	})
	clients, err := kubernetes.NewForConfig(c.config)
	must(c.t, err)
	request, err := clients.CoreV1().ServiceAccounts(c.namespace).CreateToken(context.Background(), "back-office", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(c.t, err)
	c.token = request.Status.Token
}

// freeAddress gives an address that nobody listens on. Its port is below those that systems hand out, so that no connection
// of another test gets it before it is used.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			must(t, listener.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
