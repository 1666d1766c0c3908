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
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// gatekeeper lets in whom Kubernetes lets in: the API server says who a caller is and what RBAC allows them.
type gatekeeper struct {
	authenticator authenticator.Request
	authorizer    authorizer.Authorizer
	namespace     string
}

const (
	// reviewTimeout is how long one question to the API server may take. It is well below requestTimeout, so that an
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

func newGatekeeper(config *rest.Config, namespace string) (*gatekeeper, error) {
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
	authenticator, _, err := authenticatorfactory.DelegatingAuthenticatorConfig{
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
	return &gatekeeper{authenticator: authenticator, authorizer: authorizer, namespace: namespace}, nil
}

// allow gives the name of the caller, if they may use the verb on the contact's document.
func (g *gatekeeper) allow(r *http.Request, verb, contactID string) (caller string, err error) {
	response, authenticated, err := g.authenticator.AuthenticateRequest(r)
	if err != nil && unanswered(err) {
		return "", fmt.Errorf("cannot authenticate: %w", err)
	}
	if err != nil || !authenticated {
		return "", problem.Unauthenticated()
	}

	attributes := authorizer.AttributesRecord{
		User:            response.User,
		Verb:            verb,
		Namespace:       g.namespace,
		APIGroup:        v1alpha1.GroupVersion.Group,
		APIVersion:      v1alpha1.GroupVersion.Version,
		Resource:        "contacts",
		Subresource:     "document",
		ResourceRequest: true,
	}
	// An empty name asks for all contacts. That is what most callers may do, and it is one answer to remember for each
	// of them; with the name it would be a review for every contact.
	for _, name := range []string{"", names.Contact(contactID)} {
		attributes.Name = name
		ctx, cancel := context.WithTimeout(r.Context(), reviewTimeout)
		decision, _, err := g.authorizer.Authorize(ctx, attributes)
		cancel()
		if err != nil {
			return "", fmt.Errorf("cannot authorize: %w", err)
		}
		if decision == authorizer.DecisionAllow {
			return response.User.GetName(), nil
		}
	}
	return "", problem.Forbidden(fmt.Sprintf(
		"The caller has no permission to %s contacts/document in this namespace.", verb))
}

// unanswered tells a token review that failed from one that said no. The authenticator returns both as errors; a no is
// a bare message, and a failure is the API server's answer, the deadline, or carries its cause.
func unanswered(err error) bool {
	if reasons, ok := err.(utilerrors.Aggregate); ok { //nolint:errorlint // an Aggregate is never wrapped here, and cannot be unwrapped
		return slices.ContainsFunc(reasons.Errors(), unanswered)
	}
	_, answered := apiStatus(err)
	return answered || errors.Unwrap(err) != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
