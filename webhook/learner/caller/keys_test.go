package caller_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"rollcall.dev/rollcall/webhook/learner/caller"
)

// What the package promises about how often it asks for keys, and how many tokens wait for them.
const (
	pause    = 10 * time.Second
	lifetime = 10 * time.Minute
	waiting  = 16
)

// askedFor checks how often the keys were asked for.
func (r *rig) askedFor(what string, want int32) {
	r.t.Helper()
	if got := r.issuer.asked.Load(); got != want {
		r.t.Errorf("%s: keys were asked for %d times, want %d", what, got, want)
	}
}

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

func TestKeysAreReadOnceForAll(t *testing.T) {
	r := open(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { r.wants("at once", cookies.request(r.good(cookies)), cookies.want) })
	}
	all.Wait()
	r.pass(lifetime - time.Second)
	r.wants("later", cookies.request(r.good(cookies)), cookies.want)
	r.askedFor("50 callers at once and one later", 1)
}

func TestAllKeysAreTried(t *testing.T) {
	r := open(t)
	r.issuer.publish(
		map[string]any{"kty": "new", "x": "y"}, map[string]any{"kty": "RSA", "n": "!"}, "no key",
		map[string]any{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWNyZXQ"},
		jwkOf(foreignKey().Public()), jwkOf(curveKey().Public()), jwkOf(nextKey().Public()), jwkOf(ownKey().Public()),
	)
	for _, k := range kinds {
		r.wants(k.name+", the last", k.request(r.good(k)), k.want)
		r.wants(k.name+", the last but one", k.request(sign(t, jose.RS512, nextKey(), k.claims(r))), k.want)
		r.refuses(k.name+", a shared secret among them",
			k.request(sign(t, jose.HS256, []byte("secret-secret-secret-secret-secret-secret"), k.claims(r))), caller.ErrInvalid)
	}
}

func TestKeysThatMayNotSignDoNotCount(t *testing.T) {
	for what, key := range map[string]any{
		"a key to encrypt with": jose.JSONWebKey{Key: ownKey().Public(), Use: "enc"},
		"a short key":           jwkOf(weakKey().Public()),
		"a private key":         jwkOf(ownKey()),
	} {
		r := open(t)
		r.issuer.publish(jwkOf(foreignKey().Public()), key)
		r.refuses(what, cookies.request(r.good(cookies)), caller.ErrInvalid)
		r.refuses(what, cookies.request(sign(t, jose.RS512, weakKey(), cookies.claims(r))), caller.ErrInvalid)
	}
}

func TestNewKeysArePickedUpWhenATokenNeedsThem(t *testing.T) {
	for _, k := range kinds {
		r := open(t)
		next := func() *http.Request { return k.request(sign(t, jose.RS512, nextKey(), k.claims(r))) }
		r.wants(k.name+", before", k.request(r.good(k)), k.want)
		r.issuer.publish(jwkOf(nextKey().Public()), jwkOf(ownKey().Public()))
		r.refuses(k.name+", just after keys were read", next(), caller.ErrInvalid)
		r.pass(pause)
		r.wants(k.name+", a while later", next(), k.want)
		r.wants(k.name+", and the old key as long as it is there", k.request(r.good(k)), k.want)
		r.askedFor(k.name, 2)
	}
}

func TestMadeUpSignaturesDoNotMakeUsAskTooOften(t *testing.T) {
	for _, k := range kinds {
		r := open(t)
		forged := sign(t, jose.RS512, foreignKey(), k.claims(r))
		flood := func() {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 100 {
						r.refuses(k.name, k.request(forged), caller.ErrInvalid)
					}
				})
			}
			all.Wait()
		}
		for n := range int32(3) {
			flood()
			r.askedFor(k.name+", 400 tokens at a time", n+1)
			r.pass(pause)
		}
	}
}

// While an authority hangs, tokens with made-up signatures do not fill the door with requests that wait for it. Nobody looked
// whether those that are turned away are by a new key.
func TestFewMadeUpSignaturesWaitForKeys(t *testing.T) {
	for _, k := range kinds {
		r := open(t)
		r.wants(k.name+", before", k.request(r.good(k)), k.want)
		r.pass(pause)
		end := make(chan struct{})
		r.issuer.respond(func(w http.ResponseWriter, _ *http.Request) {
			<-end
			reply(w, map[string]any{"keys": []any{jwkOf(ownKey().Public())}})
		})
		forged := sign(t, jose.RS512, foreignKey(), k.claims(r))
		const crowd = 100
		var turnedAway, invalid atomic.Int32
		var all sync.WaitGroup
		for range crowd {
			all.Go(func() {
				switch err := refused(r.Verifier, k.request(forged)); {
				case errors.Is(err, caller.ErrUnavailable):
					turnedAway.Add(1)
				case errors.Is(err, caller.ErrInvalid):
					invalid.Add(1)
				default:
					t.Errorf("%s: %v", k.name, err)
				}
			})
		}
		eventually(t, "most are turned away at once", func() bool { return turnedAway.Load() >= crowd-waiting })
		if got := invalid.Load(); got > 0 {
			t.Errorf("%s: %d are refused while the keys are being read", k.name, got)
		}
		close(end)
		all.Wait()
		if got := invalid.Load(); got != waiting {
			t.Errorf("%s: %d are refused when the keys are read, want %d", k.name, got, waiting)
		}
	}
}

func TestAKeyThatWasTakenBackCountsNoMore(t *testing.T) {
	for _, k := range kinds {
		r := open(t)
		r.wants(k.name+", before", k.request(r.good(k)), k.want)
		r.issuer.publish(jwkOf(nextKey().Public()))
		r.pass(lifetime)
		eventually(t, "the old key counts no more", func() bool {
			_, err := r.Identify(k.request(r.good(k)))
			return errors.Is(err, caller.ErrInvalid)
		})
		r.askedFor(k.name, 2)
	}
}

// Outages are what an authority does while it cannot give its keys.
var outages = map[string]http.HandlerFunc{
	"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) },
	"no keys configured": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"JWK set is not found"}`, http.StatusBadRequest)
	},
	"no keys": func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"keys": []any{}}) },
	"no public keys": func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []any{jwkOf(ownKey()), jose.JSONWebKey{Key: []byte("secret")}}})
	},
	"an error with a key": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		reply(w, map[string]any{"keys": []any{jwkOf(ownKey().Public())}})
	},
	"something else": func(w http.ResponseWriter, _ *http.Request) { reply(w, []any{}) },
	"a page":         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html>") },
	"half an answer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"keys":[`)
	},
	"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[],"x":"`)
		for chunk := bytes.Repeat([]byte("x"), 32<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	},
	"a huge answer with a key": func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"a": string(bytes.Repeat([]byte("x"), 1<<20)), "keys": []any{jwkOf(ownKey().Public())}})
	},
}

func TestKeysOutlastAnOutage(t *testing.T) {
	for what, outage := range outages {
		for _, k := range kinds {
			what := k.name + ", " + what
			r := open(t)
			r.wants(what, k.request(r.good(k)), k.want)
			r.issuer.respond(outage)
			var log lines
			for n := range int32(3) {
				r.pass(lifetime)
				eventually(t, what+": somebody noticed", func() bool { // who may be asking in the background still, for the one before
					r.wants(what, k.request(r.good(k)).WithContext(logr.NewContext(t.Context(), log.logger())), k.want)
					return log.count("go on counting") > int(n)
				})
				r.askedFor(what, n+2)
			}
			r.refuses(what+": a key that may be new", k.request(sign(t, jose.RS512, nextKey(), k.claims(r))), caller.ErrUnavailable)
			r.issuer.publish(jwkOf(nextKey().Public()))
			r.pass(pause)
			r.wants(what+", over", k.request(sign(t, jose.RS512, nextKey(), k.claims(r))), k.want)
		}
	}
}

func TestNobodyCanTellUntilKeysWereRead(t *testing.T) {
	for what, outage := range outages {
		for _, k := range kinds {
			what := k.name + ", " + what
			r := open(t)
			r.issuer.respond(outage)
			for range 20 {
				r.refuses(what, k.request(r.good(k)), caller.ErrUnavailable)
			}
			r.askedFor(what, 1)
			r.pass(pause)
			r.refuses(what, k.request(r.good(k)), caller.ErrUnavailable)
			r.askedFor(what, 2)
			r.issuer.publish(jwkOf(ownKey().Public()))
			r.pass(pause)
			r.wants(what+", over", k.request(r.good(k)), k.want)
		}
	}
}

func TestAnLMSThatHangsKeepsNobodyForLong(t *testing.T) {
	r := open(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.issuer.respond(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r.refuses("an impatient caller", cookies.request(r.good(cookies)).WithContext(ctx), caller.ErrUnavailable)
	begin := time.Now()
	r.refuses("a patient caller", cookies.request(r.good(cookies)), caller.ErrUnavailable)
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the patient caller waited %s", took)
	}
	r.askedFor("one for both", 1)
}

func TestACallerWhoLeavesDoesNotStopTheOthers(t *testing.T) {
	r := open(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	r.issuer.respond(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-goOn
		reply(w, map[string]any{"keys": []any{jwkOf(ownKey().Public())}})
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		r.refuses("who leaves", cookies.request(r.good(cookies)).WithContext(ctx), caller.ErrUnavailable)
	})
	<-asked
	cancel()
	all.Wait()
	all.Go(func() { r.wants("who stays", cookies.request(r.good(cookies)), cookies.want) })
	close(goOn)
	all.Wait()
	r.askedFor("one for both", 1)
}

func TestAnIdentityServerOfAnotherNameIsNotAsked(t *testing.T) {
	r := open(t)
	config := caller.Config{LMSURL: r.issuer.URL, IdentityServer: &caller.IdentityServer{Issuer: r.issuer.URL + "/", Audience: "page"}}
	r.Verifier = caller.New(config, r.issuer.Client(), r.clock)
	r.refuses("its discovery names another issuer", bearer.request(r.good(bearer)), caller.ErrUnavailable)
	r.askedFor("its keys", 0)
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text += args + "\n"
	}, funcr.Options{})
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text, text)
}
