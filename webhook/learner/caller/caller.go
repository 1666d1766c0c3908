// Package caller tells who calls the learner API: a learner whose browser has the JWT cookies of Open edX, or one with a
// bearer token of an OpenID Connect identity server. It needs nobody's help for that but the public keys of both, which it
// keeps through their outages.
package caller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/utils/clock"
)

var (
	// ErrNoCredential is the error when a request has no credential at all.
	ErrNoCredential = errors.New("the request has no credential")
	// ErrInvalid is the error when a request has a credential that does not count.
	ErrInvalid = errors.New("the credential is not valid")
	// ErrUnavailable is the error when nobody can tell, because the keys of whoever issued the credential could not be read yet.
	ErrUnavailable = errors.New("the keys that credentials are checked with could not be read yet")
)

// Config says whose credentials count, and is what a LearningPlatform says of it.
type Config struct {
	// LMSURL is scheme and host of the LMS.
	LMSURL string
	// JWTIssuer is who the JWT cookies say issued them. Default: LMSURL with the path /oauth2.
	JWTIssuer string
	// JWTAudience is whom the JWT cookies are for. Default: openedx.
	JWTAudience string
	// IdentityServer is whose bearer tokens count. Without one, no bearer token does.
	IdentityServer *IdentityServer
}

// IdentityServer is an OpenID Connect provider.
type IdentityServer struct {
	// Issuer is its URL, exactly as its tokens say it.
	Issuer string
	// Audience is whom its tokens have to be for: a client ID there.
	Audience string
}

// Identity is who calls. At least one of Username and Email is there.
type Identity struct {
	// Username is the caller's on the LMS. A bearer token gives none: the identity server's usernames are not the LMS's.
	Username string
	// Email is the caller's address in lower case, if who issued the credential has verified it.
	Email string
	// Cookie tells that the browser sent the credential by itself, so that a request that changes something has to show
	// that the page meant it.
	Cookie bool
}

// Verifier tells who calls. It is safe for concurrent use.
type Verifier struct {
	config         Config
	client         *http.Client
	clock          clock.PassiveClock
	lms            *authority
	identityServer *authority // nil: there is none
}

// New makes a Verifier. It reads keys with the client, when they are first needed and after that now and then.
func New(config Config, client *http.Client, clk clock.PassiveClock) *Verifier {
	lms := strings.TrimSuffix(config.LMSURL, "/")
	verifier := &Verifier{config: config, client: client, clock: clk, lms: &authority{
		issuer:     cmp.Or(config.JWTIssuer, lms+"/oauth2"),
		audience:   cmp.Or(config.JWTAudience, "openedx"),
		algorithms: lmsAlgorithms,
		keys:       newKeySet(at(lms+"/auth/jwks.json"), client, clk),
		clock:      clk,
	}}
	if server := config.IdentityServer; server != nil {
		verifier.identityServer = &authority{
			issuer:     server.Issuer,
			audience:   server.Audience,
			algorithms: asymmetricAlgorithms,
			keys:       newKeySet(discoveredFrom(server.Issuer), client, clk),
			clock:      clk,
		}
	}
	return verifier
}

// Changed makes a Verifier for another Config. It has the keys that this one has of the same LMS and identity server: they
// may be away now.
func (v *Verifier) Changed(config Config) *Verifier {
	changed := New(config, v.client, v.clock)
	if config.LMSURL == v.config.LMSURL {
		changed.lms.keys = v.lms.keys
	}
	if changed.identityServer != nil && v.identityServer != nil && changed.identityServer.issuer == v.identityServer.issuer {
		changed.identityServer.keys = v.identityServer.keys
	}
	return changed
}

// Identify gives who sends a request. Its errors are ErrNoCredential, ErrInvalid or ErrUnavailable with a reason, which
// holds no personal data. A request with an Authorization header is its sender's, whatever cookies go with it: a credential
// that is there and wrong is not replaced by another one.
func (v *Verifier) Identify(r *http.Request) (Identity, error) {
	if headers, ok := r.Header["Authorization"]; ok {
		return v.byBearer(r.Context(), headers)
	}
	return v.byCookies(r)
}

func (v *Verifier) byBearer(ctx context.Context, headers []string) (Identity, error) {
	scheme, token, _ := strings.Cut(headers[0], " ")
	switch {
	case len(headers) > 1:
		return Identity{}, invalid("there are several Authorization headers")
	case !strings.EqualFold(scheme, "Bearer"):
		return Identity{}, invalid("the Authorization header is none with a bearer token")
	case v.identityServer == nil:
		return Identity{}, invalid("the platform has no identity server whose bearer tokens count")
	}
	claims, err := v.identityServer.check(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	return known(Identity{Email: claims.verifiedEmail()})
}

func (v *Verifier) byCookies(r *http.Request) (Identity, error) {
	token, err := cookieToken(r)
	if err != nil {
		return Identity{}, err
	}
	claims, err := v.lms.check(r.Context(), token)
	if err != nil {
		return Identity{}, err
	}
	return known(Identity{Username: claims.Username, Email: claims.verifiedEmail(), Cookie: true})
}

// known refuses a token that is good and says of nobody who they are, so that no emptiness is ever taken for a learner's.
func known(who Identity) (Identity, error) {
	if who.Username == "" && who.Email == "" {
		return Identity{}, invalid("the token names nobody: no username of the LMS, no verified e-mail address")
	}
	return who, nil
}

func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
