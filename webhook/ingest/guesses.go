package ingest

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
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
	networks *rates
	// accepted holds the digests of credentials that were good the last time.
	accepted *cache.LRUExpireCache
}

func newGuesses() *guesses {
	return &guesses{networks: newRates(guessRate, guessBurst), accepted: cache.NewLRUExpireCache(acceptedCredentials)}
}

// wait is how long the credential of a request must not be asked about; 0 is not at all.
func (g *guesses) wait(r *http.Request) time.Duration {
	left := g.networks.of(network(r)).Tokens()
	if left >= 1 {
		return 0
	}
	if _, good := g.accepted.Get(credential(r)); good {
		return 0
	}
	return time.Duration((1 - left) / guessRate * float64(time.Second))
}

// right says that the credential of a request is good.
func (g *guesses) right(r *http.Request) { g.accepted.Add(credential(r), nil, acceptedTTL) }

// wrong says that the credential of a request is not good. Requests that were under way together may run up a debt.
func (g *guesses) wrong(r *http.Request) {
	g.accepted.Remove(credential(r))
	g.networks.of(network(r)).Reserve()
}

// credential names what a request shows, without keeping it.
func credential(r *http.Request) [sha256.Size]byte {
	return sha256.Sum256([]byte(r.Header.Get("Authorization")))
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
