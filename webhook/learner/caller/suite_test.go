package caller_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/webhook/learner/caller"
)

const (
	headerPayload = "edx-jwt-cookie-header-payload"
	signature     = "edx-jwt-cookie-signature"

	username = "ada"
	email    = "ada@example.com"
)

// The keys of the tests, made once: it takes a while.
var (
	ownKey     = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	nextKey    = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	foreignKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	weakKey    = sync.OnceValue(func() *rsa.PrivateKey { return newKey(1024) })
	curveKey   = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// issuer is a server with keys: an LMS, and an identity server, as far as one looks at them to check a token.
type issuer struct {
	*httptest.Server
	asked atomic.Int32 // how often for its keys

	mu     sync.Mutex
	answer http.HandlerFunc // to who asks for keys
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{}
	i.publish(jwkOf(ownKey().Public()))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		i.mu.Lock()
		answer := i.answer
		i.mu.Unlock()
		answer(w, r)
	})
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/auth/jwks.json"})
	})
	i.Server = httptest.NewServer(mux)
	i.Config.SetKeepAlivesEnabled(false) // on a connection that breaks while it is used again, net/http asks a second time by itself
	t.Cleanup(i.Close)
	return i
}

// publish replaces the keys.
func (i *issuer) publish(keys ...any) {
	i.respond(func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"keys": keys}) })
}

// respond replaces the answer to who asks for keys.
func (i *issuer) respond(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the caller went away
}

// jwkOf is a public key as Open edX serves it: nothing says what it is for.
func jwkOf(key any) any { return jose.JSONWebKey{Key: key, KeyID: "openedx"} }

// rig is a Verifier and whom it believes.
type rig struct {
	*caller.Verifier
	t      testing.TB
	issuer *issuer
	clock  *clocktesting.FakePassiveClock
}

func open(t testing.TB) *rig {
	t.Helper()
	i := newIssuer(t)
	clock := clocktesting.NewFakePassiveClock(time.Now())
	config := caller.Config{LMSURL: i.URL, IdentityServer: &caller.IdentityServer{Issuer: i.URL, Audience: "page"}}
	return &rig{Verifier: caller.New(config, i.Client(), clock), t: t, issuer: i, clock: clock}
}

func (r *rig) pass(d time.Duration) { r.clock.SetTime(r.clock.Now().Add(d)) }

// kind is a way to say who one is.
type kind struct {
	name    string
	claims  func(*rig) claims
	request func(token string) *http.Request
	want    caller.Identity
}

type claims map[string]any

// with gives the claims with another one, or without it if it is nil.
func (c claims) with(name string, value any) claims {
	c = maps.Clone(c)
	c[name] = value
	if value == nil {
		delete(c, name)
	}
	return c
}

func (r *rig) claims(issuer, audience string) claims {
	now := r.clock.Now()
	return claims{
		"iss": issuer, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"preferred_username": username, "email": "Ada@Example.com", "email_verified": true, "is_restricted": false,
	}
}

var (
	cookies = kind{
		name:    "cookies",
		claims:  func(r *rig) claims { return r.claims(r.issuer.URL+"/oauth2", "openedx") },
		request: withCookies,
		want:    caller.Identity{Username: username, Email: email, Cookie: true},
	}
	bearer = kind{
		name:    "bearer",
		claims:  func(r *rig) claims { return r.claims(r.issuer.URL, "page") },
		request: withBearer,
		want:    caller.Identity{Email: email},
	}
	kinds = []kind{cookies, bearer}
)

// withCookies is a request of a browser that holds a token.
func withCookies(token string) *http.Request {
	at := strings.LastIndexByte(token, '.')
	if at < 0 {
		return withHalves(token, "")
	}
	return withHalves(token[:at], token[at+1:])
}

func withHalves(first, second string) *http.Request {
	return withHeader("Cookie", headerPayload+"="+first+"; csrftoken=x; "+signature+"="+second)
}

func withBearer(token string) *http.Request { return withHeader("Authorization", "Bearer "+token) }

func withHeader(name string, values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/gk/api/learner/me/", nil)
	r.Header[name] = values
	return r
}

// sign makes a token.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, said claims, options ...func(*jose.SignerOptions)) string {
	t.Helper()
	signerOptions := (&jose.SignerOptions{}).WithType("JWT")
	for _, option := range options {
		option(signerOptions)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, signerOptions)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any(said)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// good is a token that counts.
func (r *rig) good(k kind) string { return sign(r.t, jose.RS512, ownKey(), k.claims(r)) }

// unsigned is a token with a header of one's own making, and whatever stands for a signature.
func unsigned(t testing.TB, header, said map[string]any, signature string) string {
	t.Helper()
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	return part(header) + "." + part(said) + "." + signature
}

// wants checks whom a request is taken for.
func (r *rig) wants(what string, request *http.Request, want caller.Identity) {
	r.t.Helper()
	if got, err := r.Identify(request); err != nil || got != want {
		r.t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
	}
}

// refuses checks that a request is refused, by an error that tells nothing of anybody.
func (r *rig) refuses(what string, request *http.Request, want error) {
	r.t.Helper()
	if err := refused(r.Verifier, request); !errors.Is(err, want) {
		r.t.Errorf("%s: error %q, want %q", what, err, want)
	}
}

func refused(v *caller.Verifier, request *http.Request) error {
	got, err := v.Identify(request)
	switch {
	case err == nil:
		return fmt.Errorf("is taken for %+v", got)
	case got != (caller.Identity{}):
		return fmt.Errorf("%w, and still names %+v", errors.New(err.Error()), got)
	}
	for _, secret := range []string{username, "example.com", "eyJ"} {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(secret)) {
			return fmt.Errorf("the error %q tells %q", err.Error(), secret)
		}
	}
	return err
}
