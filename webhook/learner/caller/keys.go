package caller

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-logr/logr"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"
)

const (
	// keysLifetime is after what time keys are read again, also if nobody misses one: so long does a key count at most
	// that its owner took back, as long as the owner can be reached.
	keysLifetime = 10 * time.Minute
	// keysPause is how long after one attempt to read keys comes the next one: whoever sends tokens with made-up
	// signatures causes no more calls than that.
	keysPause = 10 * time.Second
	// maxWaiting is how many tokens wait for keys while others are known: more than a new key meets in a moment, and too few to
	// keep a door busy with made-up signatures while the LMS hangs.
	maxWaiting = 16
	// keysTimeout is how long reading keys may take. A caller may wait so long.
	keysTimeout = 5 * time.Second
	// maxAnswer is how long an answer with keys may be. A key takes about 500 bytes, or 3,000 with its certificates.
	maxAnswer = 64 << 10
	// minRSABits is what RFC 7518 asks of an RSA key.
	minRSABits = 2048
)

var errTooSoon = errors.New("keys were asked for a moment ago")

// keySet holds the keys of an authority. They are read when first needed, when they are old, and when a signature is by
// none of them; until others could be read, those there were stay.
type keySet struct {
	locate locator
	client *http.Client
	clock  clock.PassiveClock

	known    atomic.Pointer[ring]
	attempts singleflight.Group
	waiting  *semaphore.Weighted
	// attempted is when keys were last asked for, and failure why they could not be read then; only the one attempt under way
	// uses them.
	attempted time.Time
	failure   error
}

// ring is what one answer held.
type ring struct {
	keys []jose.JSONWebKey
	read time.Time
}

// locator finds the address of a key set, by ctx's client.
type locator func(ctx context.Context) (string, error)

// at is for a key set whose address is known.
func at(url string) locator {
	return func(context.Context) (string, error) { return url, nil }
}

// discoveredFrom asks an identity server where its keys are, each time: they may move.
func discoveredFrom(issuer string) locator {
	return func(ctx context.Context) (string, error) {
		provider, err := oidc.NewProvider(ctx, issuer)
		if err != nil {
			return "", fmt.Errorf("cannot discover the identity server: %w", err)
		}
		var metadata struct {
			Keys string `json:"jwks_uri"`
		}
		if err := provider.Claims(&metadata); err != nil {
			return "", fmt.Errorf("cannot read what the identity server says of itself: %w", err)
		}
		return metadata.Keys, nil
	}
}

func newKeySet(locate locator, client *http.Client, clk clock.PassiveClock) *keySet {
	bounded := *client
	bounded.Transport = boundedTransport{below: client.Transport}
	return &keySet{locate: locate, client: &bounded, clock: clk, waiting: semaphore.NewWeighted(maxWaiting)}
}

// open gives the claims of a token if one of the keys has signed it. Tokens of the LMS do not say which, so it may be any.
func (s *keySet) open(ctx context.Context, token *jwt.JSONWebToken, into *claims) error {
	tried, err := s.ring(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if tried.open(token, into) {
		return nil
	}
	if !s.waiting.TryAcquire(1) {
		return fmt.Errorf("%w: enough tokens wait for other keys", ErrUnavailable)
	}
	err = s.refresh(ctx)
	s.waiting.Release(1)
	switch newer := s.known.Load(); {
	case newer != tried && newer.open(token, into):
		return nil
	case err != nil && !errors.Is(err, errTooSoon):
		return fmt.Errorf("%w: %w", ErrUnavailable, err) // It may be by a new key.
	default:
		return invalid("the signature is by no known key")
	}
}

func (r *ring) open(token *jwt.JSONWebToken, into *claims) bool {
	for _, key := range r.keys {
		if token.Claims(key, into) == nil {
			return true
		}
	}
	return false
}

// ring gives the keys that are there, and waits for them only if there are none. If they are old, newer ones come in the
// background.
func (s *keySet) ring(ctx context.Context) (*ring, error) {
	known := s.known.Load()
	switch {
	case known == nil:
		if err := s.refresh(ctx); err != nil {
			return nil, err
		}
		return s.known.Load(), nil
	case s.clock.Since(known.read) >= keysLifetime:
		s.attempt(ctx)
	}
	return known, nil
}

// refresh reads the keys, or waits for who is doing that.
func (s *keySet) refresh(ctx context.Context) error {
	select {
	case result := <-s.attempt(ctx):
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt begins to read the keys, unless that is under way or was a moment ago. It goes on when ctx ends: others wait, too.
func (s *keySet) attempt(ctx context.Context) <-chan singleflight.Result {
	return s.attempts.DoChan("", func() (any, error) {
		now := s.clock.Now()
		if !s.attempted.IsZero() && now.Sub(s.attempted) < keysPause {
			return nil, cmp.Or(s.failure, errTooSoon)
		}
		s.attempted = now
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
		defer cancel()
		keys, err := s.read(oidc.ClientContext(ctx, s.client))
		if s.failure = err; err != nil {
			logr.FromContextOrDiscard(ctx).Info("Cannot read the keys of callers' credentials, those that are known go on counting",
				"known", s.known.Load() != nil, "reason", err.Error())
			return nil, err
		}
		s.known.Store(&ring{keys: keys, read: now})
		return nil, nil
	})
}

// read asks for the keys.
func (s *keySet) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	url, err := s.locate(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("%s gives no key set: %w", url, err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && signs(&key) { // a kind of key that is not known here is no reason to do without the others
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no key to check signatures with", url)
	}
	return keys, nil
}

// signs is true for the public half of a key that is long enough and may sign. Keys of Open edX do not say what for they are.
func signs(key *jose.JSONWebKey) bool {
	if rsaKey, ok := key.Key.(*rsa.PublicKey); ok && rsaKey.N.BitLen() < minRSABits {
		return false
	}
	return key.IsPublic() && (key.Use == "" || key.Use == "sig")
}

// boundedTransport cuts off answers that are longer than maxAnswer.
type boundedTransport struct{ below http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	below := t.below
	if below == nil {
		below = http.DefaultTransport
	}
	response, err := below.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}
