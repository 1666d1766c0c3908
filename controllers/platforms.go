package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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

// Connect gives a driver for one LMS and one set of credentials. It makes no call.
type Connect func(spec v1alpha1.LearningPlatformSpec, clientID, clientSecret string) (lms.Platform, error)

// platforms holds one connection for each LearningPlatform, so that all learners share its token and its call budget.
type platforms struct {
	// cached reads the LearningPlatform and the metadata of its Secret; live reads the Secret itself, which is never cached.
	cached, live client.Reader
	connect      Connect
	// suspects tells the LearningPlatform controller that a call found a platform unwell.
	suspects chan event.GenericEvent

	mu   sync.Mutex
	open map[types.NamespacedName]connection
}

type connection struct {
	lms.Platform
	// madeFrom names the versions of the platform and of the Secret that the connection was made from.
	madeFrom string
}

// to gives the connection to a platform, a new one if its spec or its Secret changed.
func (p *platforms) to(ctx context.Context, platform *v1alpha1.LearningPlatform) (lms.Platform, error) {
	key := types.NamespacedName{Namespace: platform.Namespace, Name: platform.Spec.CredentialsSecretRef.Name}
	version := &metav1.PartialObjectMetadata{}
	version.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := p.cached.Get(ctx, key, version); err != nil {
		return nil, credentialsError(err, key.Name)
	}
	madeFrom := fmt.Sprint(platform.UID, platform.Generation, version.UID, version.ResourceVersion)

	p.mu.Lock()
	defer p.mu.Unlock()
	if open, ok := p.open[client.ObjectKeyFromObject(platform)]; ok && open.madeFrom == madeFrom {
		return open.Platform, nil
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
	made, err := p.connect(platform.Spec, string(secret.Data[clientIDKey]), string(secret.Data[clientSecretKey]))
	if err != nil {
		return nil, err
	}
	p.open[client.ObjectKeyFromObject(platform)] = connection{Platform: made, madeFrom: madeFrom}
	return made, nil
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
	delete(p.open, key)
}

// suspect asks for a look at the platform. One that is asked for already will do.
func (p *platforms) suspect(platform *v1alpha1.LearningPlatform) {
	select {
	case p.suspects <- event.GenericEvent{Object: platform}:
	default:
	}
}

// ready gives the platform and the connection to it, or the outcome of an object that has to wait for it.
func (p *platforms) ready(ctx context.Context, namespace, name string) (*v1alpha1.LearningPlatform, lms.Platform, *outcome, error) {
	platform, waiting, err := p.find(ctx, namespace, name)
	if err != nil || waiting != nil {
		return nil, nil, waiting, err
	}
	if !isReady(&platform.Status.ObjectStatus) {
		waiting := working(v1alpha1.ReasonPlatformUnavailable, fmt.Sprintf("Waits until the LearningPlatform %s is Ready.", name), 0)
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
		waiting := working(v1alpha1.ReasonPlatformUnavailable, fmt.Sprintf("Waits for the LearningPlatform %s, which does not exist.", name), 0)
		return nil, &waiting, nil
	case err != nil:
		return nil, nil, fmt.Errorf("cannot get the LearningPlatform: %w", err)
	}
	return platform, nil, nil
}
