package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// authority issues client certificates.
type authority struct {
	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	must(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	must(t, err)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// issue makes a client certificate; change makes it another one than is usual.
func (a *authority) issue(commonName string, change ...func(*x509.Certificate)) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: commonName},
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range change {
		c(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	must(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// by makes an HTTP client that shows a certificate.
func by(t testing.TB, certificate *tls.Certificate, http2 bool) *http.Client {
	transport := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		// Unlike Certificates, this sends it whatever authorities the server names.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil },
		ClientSessionCache:   tls.NewLRUClientSessionCache(0),
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// openTo starts a door that accepts the certificates of some authorities; bundle is where they are.
func openTo(t testing.TB, trusted ...*authority) (d *door, bundle string) {
	t.Helper()
	bundle = filepath.Join(t.TempDir(), "ca.crt")
	writeBundle(t, bundle, trusted...)
	return open(t, func(o *Options) { o.ClientCAFile = bundle }), bundle
}

func writeBundle(t testing.TB, path string, trusted ...*authority) {
	t.Helper()
	var all []byte
	for _, a := range trusted {
		all = append(all, a.pem...)
	}
	must(t, os.WriteFile(path+".new", all, 0o600))
	must(t, os.Rename(path+".new", path))
}

// bind lets somebody use some verbs on the documents.
func (d *door) bind(name string, subject rbacv1.Subject, verbs ...string) {
	d.t.Helper()
	subject.APIGroup = rbacv1.GroupName
	meta := metav1.ObjectMeta{Namespace: d.namespace, Name: name}
	must(d.t, d.admin.Create(d.t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: verbs}}}))
	must(d.t, d.admin.Create(d.t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, Subjects: []rbacv1.Subject{subject}}))
}

func TestAClientCertificateIsACredential(t *testing.T) {
	trusted, unknown := newAuthority(t, "trusted"), newAuthority(t, "unknown")
	d, _ := openTo(t, trusted)
	elsewhere, _ := openTo(t, trusted)
	d.bind("billing", rbacv1.Subject{Kind: "User", Name: "billing"}, "get", "update")
	d.bind("support", rbacv1.Subject{Kind: "Group", Name: "support"}, "get")
	d.put("000123", learner("000123", "Jane"))
	writer := "system:serviceaccount:" + d.namespace + ":writer"

	const noToken, badToken = "", "not-a-token"
	for name, test := range map[string]struct {
		certificate *tls.Certificate
		token       string
		get, put    int
		source      string // as whom the document is stored
	}{
		"bound by its common name":                              {trusted.issue("billing"), noToken, 200, 200, "billing"},
		"bound by its organization":                             {trusted.issue("ann", func(c *x509.Certificate) { c.Subject.Organization = []string{"sales", "support"} }), noToken, 200, 403, ""},
		"bound nowhere":                                         {trusted.issue("nobody"), noToken, 403, 403, ""},
		"of an authority that is not trusted":                   {unknown.issue("billing"), noToken, 401, 401, ""},
		"expired":                                               {trusted.issue("billing", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), noToken, 401, 401, ""},
		"not valid yet":                                         {trusted.issue("billing", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), noToken, 401, 401, ""},
		"for servers":                                           {trusted.issue("billing", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), noToken, 401, 401, ""},
		"without a common name":                                 {trusted.issue(""), noToken, 401, 401, ""},
		"good, with another's token":                            {trusted.issue("billing"), d.token, 200, 200, "billing"},
		"good, with a bad token":                                {trusted.issue("billing"), badToken, 200, 200, "billing"},
		"good but bound nowhere, with a good token":             {trusted.issue("nobody"), d.token, 403, 403, ""},
		"of an unknown authority, with a good token":            {unknown.issue("billing"), d.token, 200, 200, writer},
		"of an unknown authority, with a bad token":             {unknown.issue("billing"), badToken, 401, 401, ""},
		"of an unknown authority that has the name of the good": {newAuthority(t, "trusted").issue("billing"), noToken, 401, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := by(t, test.certificate, true)
			for method, want := range map[string]int{http.MethodGet: test.get, http.MethodPut: test.put} {
				// Another first name each time, so that it is stored.
				first := map[string]string{"Jane": "Joe", "Joe": "Jane"}[d.contact("000123").Spec.FirstName]
				a, err := d.tryBy(client, request{method: method, path: pathOf("000123"), body: learner("000123", first), token: &test.token})
				must(t, err)
				if a.status != want {
					t.Errorf("%s = %d %s, want %d", method, a.status, a.body, want)
				}
				if a.status == http.StatusUnauthorized && a.problem(t).Type != "/problems/unauthenticated" {
					t.Errorf("%s = %s", method, a.body)
				}
			}
			if got := d.contact("000123").Annotations[v1alpha1.DocumentSourceAnnotation]; test.source != "" && got != test.source {
				t.Errorf("the document is %s's, want %s's", got, test.source)
			}
			if a, err := elsewhere.tryBy(client, request{method: http.MethodGet, path: pathOf("000123"), token: new("")}); err != nil || a.status == http.StatusOK {
				t.Errorf("GET in a namespace that nobody is bound in = %d %s, %v", a.status, a.body, err)
			}
		})
	}
}

func TestACertificateNeedsNoTokenReview(t *testing.T) {
	trusted := newAuthority(t, "trusted")
	d, _ := openTo(t, trusted)
	d.bind("billing", rbacv1.Subject{Kind: "User", Name: "billing"}, "update")
	client := by(t, trusted.issue("billing"), true)
	calls := d.wire.during(func() {
		for _, id := range []string{"a", "b"} {
			if a, err := d.tryBy(client, request{method: http.MethodPut, path: pathOf(id), body: learner(id, "Jane"), token: new("")}); err != nil || a.status != http.StatusCreated {
				t.Errorf("PUT = %d %s, %v; want 201", a.status, a.body, err)
			}
		}
	})
	if diff := cmp.Diff(map[string]int{"POST subjectaccessreviews": 1, "POST contacts": 2}, calls); diff != "" {
		t.Errorf("calls to the API server (-want +got):\n%s", diff)
	}
}

func TestACertificateGoesOnWhileItsNeighboursGuess(t *testing.T) {
	trusted := newAuthority(t, "trusted")
	d, _ := openTo(t, trusted)
	d.bind("billing", rbacv1.Subject{Kind: "User", Name: "billing"}, "get")
	d.guessInVain()
	if a, err := d.tryBy(by(t, trusted.issue("billing"), true), request{method: http.MethodGet, path: pathOf("a"), token: new("")}); err != nil || a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s, %v; want 404", a.status, a.body, err)
	}
}

// Not even on a connection that is open already, and not by resuming a TLS session.
func TestAnExchangedAuthorityIsInForceWithoutARestart(t *testing.T) {
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	d, bundle := openTo(t, first)
	d.bind("billing", rbacv1.Subject{Kind: "User", Name: "billing"}, "get", "update")
	d.put("000123", learner("000123", "Jane"))
	get := func(client *http.Client) (status int, reused, resumed bool) {
		r, err := http.NewRequest(http.MethodGet, "https://"+d.Addr().String()+pathOf("000123"), http.NoBody)
		must(t, err)
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
		response, err := client.Do(r.WithContext(httptrace.WithClientTrace(t.Context(), trace)))
		must(t, err)
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body) // else HTTP/1.1 does not keep the connection
		must(t, err)
		return response.StatusCode, reused, response.TLS.DidResume
	}

	certificate := first.issue("billing")
	kept := map[string]*http.Client{"HTTP/1.1": by(t, certificate, false), "HTTP/2": by(t, certificate, true), "TLS resumption": by(t, certificate, true)}
	for name, client := range kept {
		if status, _, _ := get(client); status != http.StatusOK {
			t.Fatalf("%s: GET = %d, want 200", name, status)
		}
	}
	next := by(t, second.issue("billing"), true)
	if status, _, _ := get(next); status != http.StatusUnauthorized {
		t.Errorf("GET with a certificate of the second authority = %d, want 401", status)
	}

	writeBundle(t, bundle, first, second)
	eventually(t, "the second authority is trusted, too", func() bool { status, _, _ := get(next); return status == http.StatusOK })
	if status, reused, _ := get(kept["HTTP/2"]); status != http.StatusOK || !reused {
		t.Errorf("GET with a certificate of the first authority = %d (connection reused: %v), want 200 while both are trusted", status, reused)
	}

	writeBundle(t, bundle, second)
	eventually(t, "the first authority is trusted no more", func() bool {
		status, reused, _ := get(kept["HTTP/2"])
		if !reused {
			t.Fatal("HTTP/2: the connection was not kept")
		}
		return status == http.StatusUnauthorized
	})
	if status, reused, _ := get(kept["HTTP/1.1"]); status != http.StatusUnauthorized || !reused {
		t.Errorf("HTTP/1.1: GET = %d (connection reused: %v), want 401 on the connection that was kept", status, reused)
	}
	kept["TLS resumption"].CloseIdleConnections()
	if status, reused, resumed := get(kept["TLS resumption"]); status != http.StatusUnauthorized || reused || !resumed {
		t.Errorf("TLS resumption: GET = %d (connection reused: %v, session resumed: %v), want 401 in the resumed session", status, reused, resumed)
	}
	if status, reused, _ := get(next); status != http.StatusOK || !reused {
		t.Errorf("GET with a certificate of the second authority = %d (connection reused: %v), want 200", status, reused)
	}
}

func TestWithoutAuthoritiesNoCertificateIsAskedFor(t *testing.T) {
	d := open(t)
	asked := false
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		}}}}
	defer client.CloseIdleConnections()
	if a, err := d.tryBy(client, request{method: http.MethodGet, path: pathOf("a")}); err != nil || a.status != http.StatusNotFound || asked {
		t.Errorf("GET = %d %s, %v; a certificate was asked for: %v", a.status, a.body, err, asked)
	}
}

func TestABundleThatCannotBeReadIsSaidAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.crt")
	must(t, os.WriteFile(empty, []byte("# none yet\n"), 0o600))
	for _, path := range []string{empty, filepath.Join(t.TempDir(), "missing")} {
		if _, err := New(Options{Limits: DefaultLimits(), Config: &rest.Config{}, ClientCAFile: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("New with the authorities in %s = %v", path, err)
		}
	}
}
