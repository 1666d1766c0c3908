package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// The keys of a LearningPlatform's Secret.
const (
	clientIDKey     = "client-id"
	clientSecretKey = "client-secret"
)

// Connect gives a driver for one LMS and one set of credentials. It makes no call. The name, namespace/name of the
// LearningPlatform, is for metrics; of the spec it gets what connectionOf chooses. A driver that is an io.Closer is closed
// when the LearningPlatform is gone.
type Connect func(name string, spec v1alpha1.LearningPlatformSpec, clientID, clientSecret string) (lms.Platform, error)

// platforms holds one connection for each LearningPlatform, so that all learners share its token and its call budget. Two
// LearningPlatforms with the credentials of one LMS user have a budget each, and should divide the LMS's between them.
type platforms struct {
	// cached reads the LearningPlatform and the metadata of its Secret; live reads the Secret itself, which is never cached.
	cached, live client.Reader
	connect      Connect
	// suspects tells the LearningPlatform controller that a call found a platform unwell.
	suspects chan event.GenericEvent

	// blamed remembers, by UID, when an object last found its platform unwell.
	blamed *lru.Cache

	mu   sync.Mutex
	open map[types.NamespacedName]connection
}

// platformWait is the time after which an object that waits for its platform looks again. A change of the platform wakes
// it at once; this is the net below.
const platformWait = 15 * time.Minute

type connection struct {
	lms.Platform
	// madeFrom digests what the connection was made from.
	madeFrom [sha256.Size]byte
	// seen names the versions of the platform and of the Secret that were last compared with that.
	seen string
	// wellAt is when a probe last found the platform well.
	wellAt time.Time
}

// heir is a driver that can go on with the call budget of the one it replaces.
type heir interface {
	// Inherit decides by itself whether the budget is the same.
	Inherit(from lms.Platform)
}

// connectionOf gives the part of the spec that a connection is made from. What else changes costs it nothing.
func connectionOf(spec *v1alpha1.LearningPlatformSpec) v1alpha1.LearningPlatformSpec {
	return v1alpha1.LearningPlatformSpec{
		URL: spec.URL, AccountRoute: spec.AccountRoute, EnrollmentRoute: spec.EnrollmentRoute,
		EnrollPastWindow: spec.EnrollPastWindow, EnrollPastCapacity: spec.EnrollPastCapacity,
		CallsPerMinute: spec.CallsPerMinute, MaxCallsInFlight: spec.MaxCallsInFlight,
	}
}

// to gives the connection to a platform, a new one if something changed that it is made from.
func (p *platforms) to(ctx context.Context, platform *v1alpha1.LearningPlatform) (lms.Platform, error) {
	key := types.NamespacedName{Namespace: platform.Namespace, Name: platform.Spec.CredentialsSecretRef.Name}
	version := &metav1.PartialObjectMetadata{}
	version.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := p.cached.Get(ctx, key, version); err != nil {
		return nil, credentialsError(err, key.Name)
	}
	seen := fmt.Sprint(platform.UID, platform.Generation, version.UID, version.ResourceVersion)

	p.mu.Lock()
	defer p.mu.Unlock()
	open := p.open[client.ObjectKeyFromObject(platform)]
	if open.seen == seen {
		return asAllowed(platform, open.Platform), nil
	}
	secret := &corev1.Secret{}
	if err := p.live.Get(ctx, key, secret); err != nil {
		return nil, credentialsError(err, key.Name)
	}
	for _, name := range []string{clientIDKey, clientSecretKey} {
		if len(secret.Data[name]) == 0 {
			return nil, &lms.Error{Class: lms.Fatal, PlatformWide: true, Reason: v1alpha1.ReasonCredentialsNotFound,
				Message: fmt.Sprintf("The Secret %s has no key %s.", key.Name, name)}
		}
	}
	spec, id, password := connectionOf(&platform.Spec), secret.Data[clientIDKey], secret.Data[clientSecretKey]
	described, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if madeFrom := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", described, id, password)); madeFrom != open.madeFrom {
		made, err := p.connect(client.ObjectKeyFromObject(platform).String(), spec, string(id), string(password))
		if err != nil {
			return nil, err
		}
		if next, ok := made.(heir); ok && open.Platform != nil {
			next.Inherit(open.Platform)
		}
		open.Platform, open.madeFrom, open.wellAt = made, madeFrom, time.Time{}
	}
	open.seen = seen
	p.open[client.ObjectKeyFromObject(platform)] = open
	return asAllowed(platform, open.Platform), nil
}

// asAllowed gives what the platform's mode lets its objects do with the connection: all that changes the LMS passes here.
func asAllowed(platform *v1alpha1.LearningPlatform, connection lms.Platform) lms.Platform {
	if isObserved(platform) {
		return lms.Observe(connection, platform.Spec.AccountRoute == v1alpha1.AccountRouteFirstLogin)
	}
	return connection
}

func isObserved(platform *v1alpha1.LearningPlatform) bool {
	return platform != nil && platform.Spec.Mode == v1alpha1.PlatformModeObserve
}

func credentialsError(err error, secret string) error {
	if apierrors.IsNotFound(err) {
		return &lms.Error{Class: lms.Fatal, PlatformWide: true, Reason: v1alpha1.ReasonCredentialsNotFound,
			Message: fmt.Sprintf("There is no Secret %s.", secret)}
	}
	return fmt.Errorf("cannot read the platform's Secret: %w", err)
}

// forget closes the connection to a platform that is gone.
func (p *platforms) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if driver, ok := p.open[key].Platform.(io.Closer); ok {
		_ = driver.Close()
	}
	delete(p.open, key)
}

// refusals tells which kinds of calls the LMS refuses for now, as far as it was asked.
func (p *platforms) refusals(platform *v1alpha1.LearningPlatform) []*lms.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open := p.open[client.ObjectKeyFromObject(platform)]; open.Platform != nil {
		return open.Refusals()
	}
	return nil
}

// suspect asks for a look at the platform. One that is asked for already will do.
func (p *platforms) suspect(platform *v1alpha1.LearningPlatform) {
	select {
	case p.suspects <- event.GenericEvent{Object: platform}:
	default:
	}
}

// foundWell notes that a probe found the platform well.
func (p *platforms) foundWell(platform *v1alpha1.LearningPlatform, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := p.open[client.ObjectKeyFromObject(platform)]
	open.wellAt = now
	p.open[client.ObjectKeyFromObject(platform)] = open
}

// wellAt is when a probe last found the platform well.
func (p *platforms) wellAt(platform *v1alpha1.LearningPlatform) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[client.ObjectKeyFromObject(platform)].wellAt
}

// wellSinceBlamed notes that an object finds its platform unwell, and says whether a probe has found it well since the
// object did so before: then it is not the platform as a whole.
func (p *platforms) wellSinceBlamed(platform *v1alpha1.LearningPlatform, o object, now time.Time) bool {
	before, again := p.blamed.Get(o.GetUID())
	p.blamed.Add(o.GetUID(), now)
	if !again || now.Sub(before.(time.Time)) > blameLasts {
		return false
	}
	return p.wellAt(platform).After(before.(time.Time))
}

// blameLasts is for how long a failure of the platform is remembered; it is longer than any wait between two attempts.
const blameLasts = 2 * lastRecheck

// exonerate forgets that an object found its platform unwell, as a call for it succeeded.
func (p *platforms) exonerate(o object) { p.blamed.Remove(o.GetUID()) }

// ready gives the platform and the connection to it, or the outcome of an object that has to wait for it.
func (p *platforms) ready(ctx context.Context, namespace, name string) (*v1alpha1.LearningPlatform, lms.Platform, *outcome, error) {
	platform, waiting, err := p.find(ctx, namespace, name)
	if err != nil || waiting != nil {
		return nil, nil, waiting, err
	}
	if !isKnownReady(platform) {
		waiting := working(v1alpha1.ReasonPlatformUnavailable, fmt.Sprintf("Waits until the LearningPlatform %s is Ready.", name), wait.Jitter(platformWait, jitter))
		return platform, nil, &waiting, nil
	}
	connection, err := p.to(ctx, platform)
	if failure, ok := errors.AsType[*lms.Error](err); ok {
		p.suspect(platform)
		waiting := working(v1alpha1.ReasonPlatformUnavailable, failure.Message, platformRecheck)
		return platform, nil, &waiting, nil
	}
	return platform, connection, nil, err
}

// find gives the platform, or the outcome of an object whose platform is missing.
func (p *platforms) find(ctx context.Context, namespace, name string) (*v1alpha1.LearningPlatform, *outcome, error) {
	platform := &v1alpha1.LearningPlatform{}
	err := p.cached.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, platform)
	switch {
	case apierrors.IsNotFound(err):
		waiting := working(v1alpha1.ReasonPlatformUnavailable, fmt.Sprintf("Waits for the LearningPlatform %s, which does not exist.", name), wait.Jitter(platformWait, jitter))
		return nil, &waiting, nil
	case err != nil:
		return nil, nil, fmt.Errorf("cannot get the LearningPlatform: %w", err)
	}
	return platform, nil, nil
}
