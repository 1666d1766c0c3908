package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// gatekeeper lets in whom Kubernetes lets in: a client certificate or the API server says who a caller is, and the API
// server what RBAC allows them.
type gatekeeper struct {
	certificates authenticator.Request
	tokens       authenticator.Request
	guesses      *guesses
	callers      *doors.Rates
	authorizer   authorizer.Authorizer
	namespace    string
}

const (
	// reviewTimeout is how long one question to the API server may take. It is well below the default of
	// Limits.RequestTimeout, so that an
	// API server that hangs is answered with 503 and not with a broken connection.
	reviewTimeout = 5 * time.Second
	// A revoked credential or permission works for these times at most. A new permission is there after denyTTL, and a
	// new credential at once: the API server gives a reason with its no to a token, and such a no is not remembered.
	authenticationTTL = time.Minute
	allowTTL          = time.Minute
	denyTTL           = 5 * time.Second
)

// reviewBackoff bridges a lost connection; an outage is for the caller to bridge, as Retry-After says.
var reviewBackoff = &wait.Backoff{Steps: 2, Duration: 100 * time.Millisecond, Jitter: 0.5}

// newGatekeeper makes a gatekeeper. Client certificates are verified with what clientCAs gives at the time of each request,
// so that no connection and no TLS session outlives an authority that was taken away.
func newGatekeeper(config *rest.Config, namespace string, clientCAs x509.VerifyOptionFunc, callers *doors.Rates) (*gatekeeper, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server's own flow control is the limit
	authenticationClient, err := authenticationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client for token reviews: %w", err)
	}
	authorizationClient, err := authorizationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client for access reviews: %w", err)
	}
	tokens, _, err := authenticatorfactory.DelegatingAuthenticatorConfig{
		Anonymous:                &apiserver.AnonymousAuthConfig{Enabled: false},
		TokenAccessReviewClient:  authenticationClient,
		TokenAccessReviewTimeout: reviewTimeout,
		WebhookRetryBackoff:      reviewBackoff,
		CacheTTL:                 authenticationTTL,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("cannot make the authenticator: %w", err)
	}
	authorizer, err := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: authorizationClient,
		AllowCacheTTL:             allowTTL,
		DenyCacheTTL:              denyTTL,
		WebhookRetryBackoff:       reviewBackoff,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("cannot make the authorizer: %w", err)
	}
	return &gatekeeper{
		certificates: group.NewAuthenticatedGroupAdder(x509.NewDynamic(clientCAs, x509.CommonNameUserConversion)),
		tokens:       tokens,
		guesses:      newGuesses(),
		callers:      callers,
		authorizer:   authorizer,
		namespace:    namespace,
	}, nil
}

// allow gives the name of the caller, if they may use the verb on the contact's document now.
func (g *gatekeeper) allow(r *http.Request, verb, contactID string) (caller string, err error) {
	who, err := g.authenticate(r)
	if err != nil {
		return "", err
	}
	entryOf(r.Context()).caller = who.GetName()
	if err := g.pace(who); err != nil {
		return "", err
	}
	return who.GetName(), g.authorize(r.Context(), who, verb, contactID)
}

// authenticate says who the caller is. As in Kubernetes, a certificate that verifies decides; without one, or with one
// that does not verify, the token does.
func (g *gatekeeper) authenticate(r *http.Request) (user.Info, error) {
	if response, verified, err := g.certificates.AuthenticateRequest(r); err == nil && verified {
		return response.User, nil
	}
	r.Header.Del("Sec-WebSocket-Protocol") // the authenticator would take a token from there, too, which attemptOf does not know
	attempt := attemptOf(r)
	if wait := g.guesses.wait(attempt); wait > 0 {
		return nil, problem.TooManyRequests("Too many requests from this network had no valid credential.", wait)
	}
	response, authenticated, err := g.tokens.AuthenticateRequest(r)
	switch {
	case err != nil && unanswered(err):
		return nil, fmt.Errorf("cannot authenticate: %w", err)
	case err != nil:
		g.guesses.wrong(attempt)
		return nil, problem.Unauthenticated()
	case !authenticated: // there is no token, so nobody was asked
		return nil, problem.Unauthenticated()
	}
	g.guesses.right(attempt)
	return response.User, nil
}

// pace refuses a request that goes beyond the caller's rate.
func (g *gatekeeper) pace(who user.Info) error {
	turn := g.callers.Of(who.GetName()).Reserve()
	wait := turn.Delay()
	if wait == 0 {
		return nil
	}
	turn.Cancel()
	return problem.TooManyRequests("The caller sends or reads more documents per second than one may.", wait)
}

// authorize refuses a caller who may not use the verb on the contact's document.
func (g *gatekeeper) authorize(ctx context.Context, who user.Info, verb, contactID string) error {
	// What most callers may do is all contacts, and it is one answer to remember for each of them; with the name it would
	// be a review for every contact.
	for _, name := range []string{allContacts, names.Contact(contactID)} {
		allowed, err := g.mayUse(ctx, who, verb, name)
		if err != nil {
			return err
		}
		if allowed {
			return nil
		}
	}
	return problem.Forbidden(fmt.Sprintf(
		"The caller has no permission to %s contacts/document in this namespace.", verb))
}

// allContacts asks for the permission that needs no name.
const allContacts = ""

// mayUse asks whether a caller may use the verb on the document of the Contact with this name.
func (g *gatekeeper) mayUse(ctx context.Context, who user.Info, verb, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	decision, _, err := g.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User:            who,
		Verb:            verb,
		Namespace:       g.namespace,
		APIGroup:        v1alpha1.GroupVersion.Group,
		APIVersion:      v1alpha1.GroupVersion.Version,
		Resource:        "contacts",
		Subresource:     "document",
		Name:            name,
		ResourceRequest: true,
	})
	if err != nil {
		return false, fmt.Errorf("cannot authorize: %w", err)
	}
	return decision == authorizer.DecisionAllow, nil
}

// unanswered tells a token review that failed from one that said no. The authenticator returns both as errors; a no is
// a bare message, and a failure is the API server's answer, the deadline, or carries its cause.
func unanswered(err error) bool {
	if reasons, ok := err.(utilerrors.Aggregate); ok { //nolint:errorlint // an Aggregate is never wrapped here, and cannot be unwrapped
		return slices.ContainsFunc(reasons.Errors(), unanswered)
	}
	_, answered := doors.APIStatus(err)
	return answered || errors.Unwrap(err) != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
