package ingest

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"

	"rollcall.dev/rollcall/webhook/doors"
)

const (
	// guessRate and guessBurst are how many tokens per second, and how many at once, the API server is asked about in vain
	// for the callers of one network.
	guessRate  = 10
	guessBurst = 100
	// A credential that was accepted within this time goes on while others from its network guess.
	acceptedTTL = time.Hour
	// acceptedCredentials is how many of them are remembered.
	acceptedCredentials = 4096
)

// guesses keeps a flood of bad tokens away from the API server, which is asked about each of them.
type guesses struct {
	// networks has what each network may still guess.
	networks *doors.Rates
	// accepted holds the digests of credentials that were good the last time.
	accepted *cache.LRUExpireCache
}

func newGuesses() *guesses {
	return &guesses{networks: doors.NewRates(guessRate, guessBurst), accepted: cache.NewLRUExpireCache(acceptedCredentials)}
}

// attempt is a credential that a network shows.
type attempt struct {
	credential [sha256.Size]byte
	network    string
}

// attemptOf has to be asked for before the authenticator, which takes a good token away.
func attemptOf(r *http.Request) attempt {
	return attempt{credential: sha256.Sum256([]byte(r.Header.Get("Authorization"))), network: network(r)}
}

// wait is how long the API server must not be asked about a credential; 0 is not at all.
func (g *guesses) wait(a attempt) time.Duration {
	left := g.networks.Of(a.network).Tokens()
	if left >= 1 {
		return 0
	}
	if _, good := g.accepted.Get(a.credential); good {
		return 0
	}
	return time.Duration((1 - left) / guessRate * float64(time.Second))
}

// right says that a credential is good.
func (g *guesses) right(a attempt) { g.accepted.Add(a.credential, nil, acceptedTTL) }

// wrong says that a credential is not good. Requests that were under way together may run up a debt.
func (g *guesses) wrong(a attempt) {
	g.accepted.Remove(a.credential)
	g.networks.Of(a.network).Reserve()
}

// network is what one sender has at least: an IPv4 address, or 64 bits of an IPv6 address.
func network(r *http.Request) string {
	address := remoteAddress(r)
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, _ := address.Prefix(bits) // an address that is none shares a name with its like
	return prefix.String()
}

// remoteAddress is where a request comes from: the last proxy, if there is one.
func remoteAddress(r *http.Request) netip.Addr {
	source, _ := netip.ParseAddrPort(r.RemoteAddr)
	return source.Addr().Unmap().WithZone("")
}
