package hints

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

const (
	// tokenKey is the key of the Secret.
	tokenKey = "token"
	// tokenTTL is how long a token is remembered, or that there is none: guesses do not reach the API server.
	tokenTTL = 30 * time.Second
	// tokenTimeout is for the API server to give a Secret, as a learner waits on the LMS.
	tokenTimeout = 2 * time.Second
)

// tokens knows the secret part of each platform's address.
type tokens struct {
	cached, live client.Reader
	clock        clock.PassiveClock

	mu    sync.Mutex
	known map[client.ObjectKey]knownToken // by the name of the Secret
}

type knownToken struct {
	digest [sha256.Size]byte
	there  bool
	until  time.Time
}

// allow says whether the token is the platform's. It takes as long for a wrong one as for the right one.
func (t *tokens) allow(ctx context.Context, key client.ObjectKey, token string) bool {
	platform := &v1alpha1.LearningPlatform{}
	if t.cached.Get(ctx, key, platform) != nil || platform.Spec.HintsSecretRef.Name == "" {
		return false // What is remembered is only of platforms that exist.
	}
	want := t.of(ctx, client.ObjectKey{Namespace: key.Namespace, Name: platform.Spec.HintsSecretRef.Name})
	got := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(want.digest[:], got[:]) == 1 && want.there
}

// of gives the token of a Secret. While the API server does not give it, the last one is good.
func (t *tokens) of(ctx context.Context, key client.ObjectKey) knownToken {
	t.mu.Lock()
	known := t.known[key]
	t.mu.Unlock()
	if t.clock.Now().Before(known.until) {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	secret := &corev1.Secret{}
	if err := t.live.Get(ctx, key, secret); client.IgnoreNotFound(err) == nil {
		token := secret.Data[tokenKey]
		known.digest, known.there = sha256.Sum256(token), len(token) > 0
	}
	known.until = t.clock.Now().Add(tokenTTL)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[key] = known
	return known
}
