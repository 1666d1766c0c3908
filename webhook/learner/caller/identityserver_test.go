package caller_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/oauth2"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/webhook/learner/caller"
)

const callback = "http://localhost/callback"

// identityServer is an OpenID Connect provider with a login page: ZITADEL's, which is certified.
type identityServer struct {
	*httptest.Server
	t    *testing.T
	down atomic.Bool
}

func newIdentityServer(t *testing.T) *identityServer {
	t.Helper()
	s := &identityServer{t: t}
	var provider http.Handler
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		provider.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	// It has to be called by a name that is the issuer's and that it takes for its own.
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	clients := map[string]*storage.Client{}
	for _, id := range []string{"page", "other"} {
		clients[id] = storage.WebClient(id, "secret", callback)
	}
	provider = exampleop.SetupServer(s.URL, store{storage.NewStorageWithClients(people{}, clients)}, slog.New(slog.DiscardHandler), false)
	return s
}

// store holds what the provider knows. Its clients have the learner's address in the ID token, as most providers can.
type store struct{ *storage.Storage }

func (s store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := s.Storage.GetClientByClientID(ctx, id)
	return withAddress{client}, err
}

type withAddress struct{ op.Client }

func (withAddress) IDTokenUserinfoClaimsAssertion() bool { return true }

// people are who can log in, each with "secret".
type people struct{}

func (people) GetUserByUsername(name string) *storage.User {
	return &storage.User{ID: name, Username: name, Password: "secret", Email: strings.ToUpper(name[:1]) + name[1:] + "@Example.com", EmailVerified: name != "eve"}
}

func (p people) GetUserByID(id string) *storage.User { return p.GetUserByUsername(id) }

func (people) ExampleClientID() string { return "service" }

// logIn logs somebody in at the provider's page, and gives what the client got for the code that came of it.
func (s *identityServer) logIn(client, name string) *oauth2.Token {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse // the page has taken over
		}
		return nil
	}}
	visit := func(request *http.Request) (where *url.URL, next string) {
		response, err := browser.Do(request)
		if err != nil {
			s.t.Fatal(err)
		}
		response.Body.Close()
		return response.Request.URL, response.Header.Get("Location")
	}
	config := oauth2.Config{
		ClientID: client, ClientSecret: "secret", RedirectURL: callback, Scopes: []string{"openid", "profile", "email"},
		Endpoint: oauth2.Endpoint{AuthURL: s.URL + "/auth", TokenURL: s.URL + "/oauth/token"},
	}
	proof := oauth2.GenerateVerifier()
	login, _ := visit(withForm(s.t, http.MethodGet, config.AuthCodeURL("state", oauth2.S256ChallengeOption(proof)), nil))
	form := url.Values{"id": {login.Query().Get("authRequestID")}, "username": {name}, "password": {"secret"}}
	login.RawQuery = ""
	_, next := visit(withForm(s.t, http.MethodPost, login.String(), form))
	back, err := url.Parse(next)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := config.Exchange(s.t.Context(), back.Query().Get("code"), oauth2.VerifierOption(proof))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// idToken logs somebody in and gives the ID token.
func (s *identityServer) idToken(client, name string) string {
	s.t.Helper()
	token, _ := s.logIn(client, name).Extra("id_token").(string)
	return token
}

func withForm(t *testing.T, method, url string, form url.Values) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func TestATokenOfAnIdentityServerSaysWhoTheLearnerIs(t *testing.T) {
	server, impostor := newIdentityServer(t), newIdentityServer(t)
	clock := clocktesting.NewFakePassiveClock(time.Now())
	config := caller.Config{LMSURL: "http://lms.invalid", IdentityServer: &caller.IdentityServer{Issuer: server.URL, Audience: "page"}}
	r := &rig{t: t, clock: clock, Verifier: caller.New(config, http.DefaultClient, clock)}
	ada := caller.Identity{Email: "ada@example.com"}

	token := server.idToken("page", "ada")
	server.down.Store(true)
	r.refuses("the provider could not be asked yet", withBearer(token), caller.ErrUnavailable)
	server.down.Store(false)
	r.pass(pause)
	r.wants("its keys were found", withBearer(token), ada)

	for what, token := range map[string]string{
		"for another client":           server.idToken("other", "ada"),
		"an unverified address":        server.idToken("page", "eve"),
		"an opaque access token":       server.logIn("page", "ada").AccessToken,
		"of another provider":          impostor.idToken("page", "ada"),
		"with another token's content": splice(token, server.idToken("page", "bob")),
	} {
		r.refuses(what, withBearer(token), caller.ErrInvalid)
	}
	r.refuses("as cookies", withCookies(token), caller.ErrUnavailable) // the LMS is away, and would not know the key

	server.down.Store(true)
	r.pass(lifetime)
	r.wants("while the provider is away", withBearer(token), ada)
	r.pass(time.Hour)
	r.refuses("expired", withBearer(token), caller.ErrInvalid)
}

// splice is one token with what another one says.
func splice(token, content string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + strings.Split(content, ".")[1] + "." + parts[2]
}
