package learner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/learner/caller"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts;learningplatforms,verbs=get;list;watch

// reception finds out who calls.
type reception struct {
	cached   client.Reader
	platform client.ObjectKey
	clock    clock.PassiveClock

	mu sync.Mutex
	// verifier checks credentials as config says. It knows keys that an outage would hide.
	verifier *caller.Verifier
	config   caller.Config
}

// guest is a learner who calls, and what they learn on.
type guest struct {
	contact  *v1alpha1.Contact
	platform *v1alpha1.LearningPlatform
	zone     *time.Location
	visit    *visit
}

// receive finds the learner who sends a request. They reach only what is their own: to them, nothing else is there.
func (r *reception) receive(request *http.Request) (*guest, error) {
	ctx := request.Context()
	platform, err := r.home(ctx)
	if err != nil {
		return nil, err
	}
	who, err := r.verifierFor(platform).Identify(request)
	if err != nil {
		return nil, unidentified(ctx, err)
	}
	if err := checkCrossing(request, who, platform.Spec.Learners.AllowedOrigins); err != nil {
		return nil, err
	}
	contact, err := r.contactOf(ctx, who)
	if err != nil {
		return nil, err
	}
	asked := request.PathValue("contactID")
	if contact == nil || asked != "" && asked != contact.Spec.ContactID {
		return nil, problem.NotFound("This is nothing of yours. Your own contact ID is at " + prefix + "/learner/me/, if you have one.")
	}
	zone, err := time.LoadLocation(platform.Spec.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("cannot tell which day it is: %w", err)
	}
	return &guest{contact: contact, platform: platform, zone: zone}, nil
}

// home gives the platform whose learners call.
func (r *reception) home(ctx context.Context) (*v1alpha1.LearningPlatform, error) {
	platform := &v1alpha1.LearningPlatform{}
	err := r.cached.Get(ctx, r.platform, platform)
	if apierrors.IsNotFound(err) {
		return nil, problem.Unavailable("The learning platform is not set up yet.", doors.RetryAfter)
	}
	return platform, err
}

func (r *reception) verifierFor(platform *v1alpha1.LearningPlatform) *caller.Verifier {
	learners := &platform.Spec.Learners
	config := caller.Config{LMSURL: platform.Spec.URL, JWTIssuer: learners.JWTIssuer, JWTAudience: learners.JWTAudience}
	if server := learners.IdentityServer; server.Issuer != "" {
		config.IdentityServer = &caller.IdentityServer{Issuer: server.Issuer, Audience: server.Audience}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.verifier == nil:
		r.verifier, r.config = caller.New(config, &http.Client{}, r.clock), config
	case !reflect.DeepEqual(r.config, config):
		r.verifier, r.config = r.verifier.Changed(config), config
	}
	return r.verifier
}

// unidentified gives the answer to a caller of whom nobody knows who they are.
func unidentified(ctx context.Context, err error) error {
	if errors.Is(err, caller.ErrUnavailable) {
		ctrl.LoggerFrom(ctx).V(1).Info("Cannot check a credential now", "reason", err.Error())
		return problem.Unavailable("Nobody can tell now who you are. Send the request again.", doors.RetryAfter)
	}
	ctrl.LoggerFrom(ctx).V(1).Info("Refused a caller", "reason", err.Error())
	return unauthenticated()
}

// contactOf gives the contact of a caller, or nil: the one whose account on the platform calls, else the one with the caller's
// e-mail address. To a caller with an account, that is not one who has another account: addresses change hands.
func (r *reception) contactOf(ctx context.Context, who caller.Identity) (*v1alpha1.Contact, error) {
	if who.Username != "" {
		contacts, err := r.contactsBy(ctx, index.ContactByUsername, index.Key(r.platform.Name, who.Username))
		if found := claim.Oldest(contacts); err != nil || found != nil {
			return found, err
		}
	}
	if who.Email == "" {
		return nil, nil
	}
	contacts, err := r.contactsBy(ctx, index.ContactByEmail, index.EmailKey(r.platform.Name, who.Email))
	found := claim.EmailHolder(contacts)
	if found != nil && who.Username != "" && found.Status.Learner.Username != "" {
		return nil, nil
	}
	return found, err
}

func (r *reception) contactsBy(ctx context.Context, name, key string) ([]v1alpha1.Contact, error) {
	var list v1alpha1.ContactList
	err := r.cached.List(ctx, &list, client.InNamespace(r.platform.Namespace), client.MatchingFields{name: key})
	if err != nil {
		return nil, fmt.Errorf("cannot find the caller's contact: %w", err)
	}
	return list.Items, nil
}
