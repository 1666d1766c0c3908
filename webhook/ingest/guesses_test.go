package ingest

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
)

// guess asks for a contact with a token that nobody has.
func (d *door) guess(number int) answer {
	d.t.Helper()
	return d.send(request{method: http.MethodGet, path: pathOf("000123"), token: new(fmt.Sprintf("guess-%d", number))})
}

// guessInVain guesses until no more guesses are heard.
func (d *door) guessInVain() {
	d.t.Helper()
	for i := range 10 * guessBurst {
		if d.guess(i).status == http.StatusTooManyRequests {
			return
		}
	}
	d.t.Fatal("all guesses are heard")
}

func TestAFloodOfBadTokensDoesNotReachTheAPIServer(t *testing.T) {
	d := open(t)
	d.put("000123", learner("000123", "Jane"))
	reader := rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: []string{"get"}}
	fresh, elsewhere := d.issue("fresh", reader), d.issue("elsewhere", reader)

	start, asked, refused := time.Now(), 0, 0
	calls := d.wire.during(func() {
		for i := range 3 * guessBurst {
			switch a := d.guess(i); a.status {
			case http.StatusUnauthorized:
				asked++
			case http.StatusTooManyRequests:
				refused++
				if a.problem(t).Type != "/problems/too-many-requests" || a.header.Get("Retry-After") != "1" {
					t.Fatalf("a guess = %d %v %s", a.status, a.header, a.body)
				}
			default:
				t.Fatalf("a guess = %d %s", a.status, a.body)
			}
		}
	})
	if most := guessBurst + int(guessRate*time.Since(start).Seconds()) + 1; calls["POST tokenreviews"] != asked || asked < guessBurst || asked > most {
		t.Errorf("%d guesses were answered with 401 after %d reviews, want %d to %d", asked, calls["POST tokenreviews"], guessBurst, most)
	}
	if refused == 0 {
		t.Fatal("no guess was refused unseen")
	}

	d.guessInVain()
	if a := d.get("000123"); a.status != http.StatusOK {
		t.Errorf("GET with a token that was good before = %d %s, want 200", a.status, a.body)
	}
	neighbour := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}}
	defer neighbour.CloseIdleConnections()
	d.guessInVain()
	if a, err := d.tryBy(neighbour, request{method: http.MethodGet, path: pathOf("000123"), token: &elsewhere}); err != nil || a.status != http.StatusOK {
		t.Errorf("GET from another network = %d %s, %v; want 200", a.status, a.body, err)
	}
	eventually(t, "a new caller from there is heard when the guesses stop", func() bool {
		return d.send(request{method: http.MethodGet, path: pathOf("000123"), token: &fresh}).status == http.StatusOK
	})
}

func TestATokenCountsInItsOwnHeaderOnly(t *testing.T) {
	d := open(t)
	a := d.send(request{method: http.MethodGet, path: pathOf("000123"), token: new(""), header: http.Header{"Sec-Websocket-Protocol": {
		"base64url.bearer.authorization.k8s.io." + base64.RawURLEncoding.EncodeToString([]byte(d.token)) + ", other"}}})
	if a.status != http.StatusUnauthorized {
		t.Errorf("GET with a token for WebSockets = %d %s, want 401", a.status, a.body)
	}
}

func TestARevokedTokenLosesItsPass(t *testing.T) {
	g := newGuesses()
	from := func(remote, token string) attempt {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = remote
		r.Header.Set("Authorization", "Bearer "+token)
		return attemptOf(r)
	}
	good := from("[2001:db8::1]:1", "good")
	g.right(good)
	for range 2 * guessBurst { // a debt that takes seconds
		g.wrong(from("[2001:db8::2]:2", "bad"))
	}
	for name, a := range map[string]attempt{
		"the good token":          good,
		"an IPv4 address":         from("192.0.2.1:1", "bad"),
		"another network of IPv6": from("[2001:db8:0:1::1]:1", "bad"),
	} {
		if wait := g.wait(a); wait > 0 {
			t.Errorf("%s waits for %v", name, wait)
		}
	}
	if wait := g.wait(from("[2001:db8::3]:3", "new")); wait <= 0 || wait > guessBurst/guessRate*time.Second+time.Second {
		t.Errorf("a new token from the network waits for %v", wait)
	}
	g.wrong(good)
	if wait := g.wait(good); wait <= 0 {
		t.Error("a token that is good no more is asked about at once")
	}
}
