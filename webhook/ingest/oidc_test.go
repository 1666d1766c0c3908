package ingest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/testenv"
)

// identityServer is an OpenID Connect provider, as far as an API server looks at one.
type identityServer struct {
	*httptest.Server
	t   testing.TB
	key *rsa.PrivateKey
}

func newIdentityServer(t testing.TB) *identityServer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	s := &identityServer{t: t, key: key}
	serve := func(body func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.MarshalWrite(w, body())
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/openid-configuration", serve(func() any {
		return map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}}
	}))
	mux.Handle("/keys", serve(func() any {
		encode := base64.RawURLEncoding.EncodeToString
		return map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}}}
	}))
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

// token signs who somebody is.
func (s *identityServer) token(audience, subject string, lifetime time.Duration, groups ...string) string {
	s.t.Helper()
	part := func(content any) string {
		encoded, err := json.Marshal(content)
		must(s.t, err)
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	signed := part(map[string]any{"alg": "RS256", "kid": "1"}) + "." + part(map[string]any{
		"iss": s.URL, "aud": audience, "sub": subject, "groups": groups,
		"iat": time.Now().Add(-time.Hour).Unix(), "exp": time.Now().Add(lifetime).Unix(),
	})
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	must(s.t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestATokenOfAnIdentityServerIsACredential(t *testing.T) {
	identity, impostor := newIdentityServer(t), newIdentityServer(t)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	must(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: identity.Certificate().Raw}), 0o600))
	config, stop, err := testenv.Start("oidc-issuer-url="+identity.URL, "oidc-client-id=rollcall", "oidc-ca-file="+bundle,
		"oidc-username-claim=sub", "oidc-username-prefix=oidc:", "oidc-groups-claim=groups", "oidc-groups-prefix=oidc:")
	must(t, err)
	t.Cleanup(func() { must(t, stop()) })
	d := openOn(t, config, testenv.Namespace(t, config))
	d.bind("billing", rbacv1.Subject{Kind: "User", Name: "oidc:billing"}, "get", "update")
	d.bind("support", rbacv1.Subject{Kind: "Group", Name: "oidc:support"}, "get")

	billing := identity.token("rollcall", "billing", time.Hour)
	eventually(t, "the API server knows the keys of the identity server", func() bool {
		review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: billing}}
		must(t, d.admin.Create(t.Context(), review))
		return review.Status.Authenticated
	})
	d.send(request{method: http.MethodPut, path: pathOf("000123"), body: learner("000123", "Jane"), token: &billing})
	if got := d.contact("000123").Annotations[v1alpha1.DocumentSourceAnnotation]; got != "oidc:billing" {
		t.Errorf("the document is %s's, want oidc:billing's", got)
	}
	impostor.URL = identity.URL
	for name, test := range map[string]struct {
		token    string
		get, put int
	}{
		"bound by the user's name": {billing, 200, 200},
		"bound by a group":         {identity.token("rollcall", "ann", time.Hour, "sales", "support"), 200, 403},
		"bound nowhere":            {identity.token("rollcall", "nobody", time.Hour), 403, 403},
		"expired":                  {identity.token("rollcall", "billing", -time.Minute), 401, 401},
		"for another audience":     {identity.token("wiki", "billing", time.Hour), 401, 401},
		"signed by another key":    {impostor.token("rollcall", "billing", time.Hour), 401, 401},
	} {
		for method, want := range map[string]int{http.MethodGet: test.get, http.MethodPut: test.put} {
			a := d.send(request{method: method, path: pathOf("000123"), body: learner("000123", "Jane"), token: &test.token})
			if a.status != want {
				t.Errorf("%s: %s = %d %s, want %d", name, method, a.status, a.body, want)
			}
		}
	}
}
