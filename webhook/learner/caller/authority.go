package caller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/internal/email"
)

const (
	// maxToken is how long a token may be. Browsers take no cookie above 4,096 bytes, and identity servers that write
	// all groups of a person into their tokens stay below this, too.
	maxToken = 16 << 10
	// leeway is how far the clocks of Rollcall and of who issued a token may be apart.
	leeway = 10 * time.Second
)

// What a token may be signed with is for us to say, never for the token: with a shared secret, or with nothing, anybody
// could sign who knows a public key, or not even that.
var (
	// lmsAlgorithms are what Open edX signs with.
	lmsAlgorithms = []jose.SignatureAlgorithm{jose.RS512, jose.RS256}
	// asymmetricAlgorithms are all that an identity server may sign with.
	asymmetricAlgorithms = []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
)

// authority is somebody whose signature on a token counts.
type authority struct {
	issuer, audience string
	algorithms       []jose.SignatureAlgorithm
	keys             *keySet
	clock            clock.PassiveClock
}

// claims are what a token says, as far as it matters here.
type claims struct {
	jwt.Claims

	Username      string `json:"preferred_username"`
	Email         string `json:"email"`
	EmailVerified any    `json:"email_verified"` // some identity servers send a string, which is no reason to refuse the token
	Restricted    bool   `json:"is_restricted"`
}

// verifiedEmail is the e-mail address if it was verified, in lower case. One that no Contact can have is none: there are letters
// outside of ASCII whose lower case is inside.
func (c *claims) verifiedEmail() string {
	if c.EmailVerified != true || !email.IsAddress(c.Email) {
		return ""
	}
	return strings.ToLower(c.Email)
}

// check gives what a token of the authority says, if it is for us and now.
func (a *authority) check(ctx context.Context, token string) (*claims, error) {
	if len(token) > maxToken {
		return nil, invalid("the token is too long")
	}
	signed, err := jwt.ParseSigned(token, a.algorithms)
	if err != nil {
		// The parser's words would quote the token.
		return nil, invalid("it is no signed token, or signed with what is not allowed")
	}
	said := &claims{}
	if err := a.keys.open(ctx, signed, said); err != nil {
		return nil, err
	}
	expected := jwt.Expected{Issuer: a.issuer, AnyAudience: jwt.Audience{a.audience}, Time: a.clock.Now()}
	switch err := said.ValidateWithLeeway(expected, leeway); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case said.Expiry == nil:
		return nil, invalid("the token never expires")
	case said.Restricted:
		return nil, invalid("the token is one that the LMS made for a restricted application, and not for a learner's browser")
	}
	return said, nil
}
