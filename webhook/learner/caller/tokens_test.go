package caller_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"rollcall.dev/rollcall/webhook/learner/caller"
)

func TestAGoodTokenSaysWhoCalls(t *testing.T) {
	r := open(t)
	for _, k := range kinds {
		said := k.claims(r)
		mine := said["aud"]
		for what, token := range map[string]string{
			"RS512":                              r.good(k),
			"RS256":                              sign(t, jose.RS256, ownKey(), said),
			"for several":                        sign(t, jose.RS512, ownKey(), said.with("aud", []any{"other", mine})),
			"with a key's name that nobody has":  sign(t, jose.RS512, ownKey(), said, func(o *jose.SignerOptions) { o.WithHeader("kid", "../../x") }),
			"expired since the clocks are apart": sign(t, jose.RS512, ownKey(), said.with("exp", r.clock.Now().Add(-9*time.Second).Unix())),
			"issued as the clocks are apart":     sign(t, jose.RS512, ownKey(), said.with("iat", r.clock.Now().Add(9*time.Second).Unix())),
		} {
			r.wants(k.name+", "+what, k.request(token), k.want)
		}
	}
}

func TestAnAddressCountsOnlyIfItIsVerified(t *testing.T) {
	r := open(t)
	for what, verified := range map[string]any{"not": false, "nobody says": nil, "in words": "true", "a number": 1} {
		r.wants(what, cookies.request(sign(t, jose.RS512, ownKey(), cookies.claims(r).with("email_verified", verified))),
			caller.Identity{Username: username, Cookie: true})
		r.refuses(what, bearer.request(sign(t, jose.RS512, ownKey(), bearer.claims(r).with("email_verified", verified))), caller.ErrInvalid)
	}
	r.wants("no username", cookies.request(sign(t, jose.RS512, ownKey(), cookies.claims(r).with("preferred_username", nil))),
		caller.Identity{Email: email, Cookie: true})
	r.refuses("nothing at all", cookies.request(sign(t, jose.RS512, ownKey(),
		cookies.claims(r).with("preferred_username", nil).with("email", nil))), caller.ErrInvalid)
}

// An address that no Contact can have is none, even if its lower case is one that a Contact has.
func TestAnAddressThatOnlyLooksLikeAnotherIsNone(t *testing.T) {
	r := open(t)
	for what, address := range map[string]string{"a Kelvin sign": "\u212Aate@example.com", "a dotted I": "r\u0130ta@example.com", "a space": " kate@example.com"} {
		r.wants(what, cookies.request(sign(t, jose.RS512, ownKey(), cookies.claims(r).with("email", address))),
			caller.Identity{Username: username, Cookie: true})
		r.refuses(what, bearer.request(sign(t, jose.RS512, ownKey(), bearer.claims(r).with("email", address))), caller.ErrInvalid)
	}
}

func TestAttacksWithTokens(t *testing.T) {
	r := open(t)
	der, err := x509.MarshalPKIXPublicKey(ownKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("somebody asked the attacker for keys")
		reply(w, map[string]any{"keys": []any{jwkOf(foreignKey().Public())}})
	}))
	defer attacker.Close()
	header := func(name string, value any) func(*jose.SignerOptions) {
		return func(o *jose.SignerOptions) { o.WithHeader(jose.HeaderKey(name), value) }
	}
	for _, k := range kinds {
		good, said := r.good(k), k.claims(r)
		parts := strings.Split(good, ".")
		signed := func(said claims) string { return sign(t, jose.RS512, ownKey(), said) }
		later := func(d time.Duration) int64 { return r.clock.Now().Add(d).Unix() }
		for what, token := range map[string]string{
			"unsigned":                           unsigned(t, map[string]any{"alg": "none"}, said, ""),
			"unsigned, in other letters":         unsigned(t, map[string]any{"alg": "nOnE"}, said, ""),
			"unsigned, with a signature":         unsigned(t, map[string]any{"alg": "none"}, said, parts[2]),
			"no algorithm":                       unsigned(t, map[string]any{}, said, parts[2]),
			"the public key as shared secret":    sign(t, jose.HS256, public, said),
			"the same as DER":                    sign(t, jose.HS512, der, said),
			"the modulus as shared secret":       sign(t, jose.HS256, ownKey().N.Bytes(), said),
			"another key":                        sign(t, jose.RS512, foreignKey(), said),
			"another key that comes along":       sign(t, jose.RS512, foreignKey(), said, func(o *jose.SignerOptions) { o.EmbedJWK = true }),
			"another key, served elsewhere":      sign(t, jose.RS512, foreignKey(), said, header("jku", attacker.URL)),
			"another key of the same name":       sign(t, jose.RS512, foreignKey(), said, header("kid", "openedx")),
			"a curve's key that comes along":     sign(t, jose.ES256, curveKey(), said, func(o *jose.SignerOptions) { o.EmbedJWK = true }),
			"somebody else's claims":             parts[0] + "." + strings.Split(signed(said.with("preferred_username", "bob").with("email", "bob@example.com")), ".")[1] + "." + parts[2],
			"another header":                     strings.Split(sign(t, jose.RS256, ownKey(), said), ".")[0] + "." + parts[1] + "." + parts[2],
			"an extension that must be known":    sign(t, jose.RS512, ownKey(), said, header("crit", []string{"exp"})),
			"another audience":                   signed(said.with("aud", "other")),
			"other audiences":                    signed(said.with("aud", []any{"other", "others"})),
			"a longer audience":                  signed(said.with("aud", said["aud"].(string)+" ")),
			"no audience":                        signed(said.with("aud", nil)),
			"another issuer":                     signed(said.with("iss", attacker.URL)),
			"nearly the issuer":                  signed(said.with("iss", said["iss"].(string)+"/")),
			"no issuer":                          signed(said.with("iss", nil)),
			"expired":                            signed(said.with("exp", later(-11*time.Second))),
			"for ever":                           signed(said.with("exp", nil)),
			"for ever, by a number":              signed(said.with("exp", 1e300)),
			"not yet":                            signed(said.with("nbf", later(11*time.Second))),
			"issued in time to come":             signed(said.with("iat", later(11*time.Second))),
			"claims of another type":             signed(said.with("email", 1)),
			"truncated":                          good[:len(good)-1],
			"truncated to two parts":             parts[0] + "." + parts[1],
			"without a signature":                parts[0] + "." + parts[1] + ".",
			"four parts":                         good + "." + parts[2],
			"in JSON":                            `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
			"encrypted":                          parts[0] + ".." + parts[1] + "." + parts[2] + "." + parts[2],
			"too long":                           signed(said.with("name", strings.Repeat("x", 20_000))),
			"no token":                           "x",
			"nothing":                            "",
			"a token for the other kind of door": r.good(other(k)),
		} {
			r.refuses(k.name+", "+what, k.request(token), caller.ErrInvalid)
		}
		r.wants(k.name+", nobody harmed the good one", k.request(good), k.want)
	}
}

func other(k kind) kind {
	if k.name == cookies.name {
		return bearer
	}
	return cookies
}

func TestTheLMSSignsWithItsOwnAlgorithms(t *testing.T) {
	r := open(t)
	r.issuer.publish(jwkOf(ownKey().Public()), jwkOf(curveKey().Public()))
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS384, jose.PS256, jose.PS384, jose.PS512} {
		r.refuses(string(algorithm), cookies.request(sign(t, algorithm, ownKey(), cookies.claims(r))), caller.ErrInvalid)
		r.wants(string(algorithm), bearer.request(sign(t, algorithm, ownKey(), bearer.claims(r))), bearer.want)
	}
	r.refuses("ES256", cookies.request(sign(t, jose.ES256, curveKey(), cookies.claims(r))), caller.ErrInvalid)
	r.wants("ES256", bearer.request(sign(t, jose.ES256, curveKey(), bearer.claims(r))), bearer.want)
}

func TestATokenForARestrictedApplicationIsNoLearner(t *testing.T) {
	r := open(t)
	r.refuses("restricted", cookies.request(sign(t, jose.RS512, ownKey(), cookies.claims(r).with("is_restricted", true))), caller.ErrInvalid)
}

func TestTheIssuerAndTheAudienceAreThePlatforms(t *testing.T) {
	r := open(t)
	config := caller.Config{LMSURL: r.issuer.URL + "/", JWTIssuer: "https://elsewhere.example.com/oauth2", JWTAudience: "learners"}
	r.Verifier = caller.New(config, r.issuer.Client(), r.clock)
	r.refuses("by default", cookies.request(r.good(cookies)), caller.ErrInvalid)
	said := cookies.claims(r).with("iss", config.JWTIssuer).with("aud", config.JWTAudience)
	r.wants("as it is set", cookies.request(sign(t, jose.RS512, ownKey(), said)), cookies.want)
}
