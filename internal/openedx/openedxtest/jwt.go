package openedxtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"time"
)

const (
	jwtIssuer   = "http://" + siteDomain + "/oauth2"
	jwtAudience = "openedx"
	jwtLeeway   = time.Second
)

// keys sign and check JSON web tokens: usually with a shared secret, on request with a private key whose public half is served.
type keys struct {
	secret  []byte
	private func() *rsa.PrivateKey // made when first needed: it takes a while
}

func newKeys() *keys {
	secret := make([]byte, 32)
	rand.Read(secret)
	return &keys{secret: secret, private: sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // cannot happen with this size
		}
		return key
	})}
}

func claimsOf(u *user, scopes []string, now time.Time) object {
	return object{
		"aud":                jwtAudience,
		"iss":                jwtIssuer,
		"iat":                now.Unix(),
		"exp":                now.Add(jwtLifetime).Unix(),
		"sub":                retiredHash(u.username),
		"version":            "1.2.0",
		"grant_type":         "client-credentials",
		"scopes":             scopes,
		"filters":            []string{},
		"is_restricted":      false,
		"preferred_username": u.username,
		"email":              u.email,
		"email_verified":     u.active,
		"name":               u.name,
		"family_name":        "",
		"given_name":         "",
		"administrator":      u.staff,
		"superuser":          false,
	}
}

func (k *keys) sign(claims object, asymmetric bool) string {
	algorithm := "HS256"
	if asymmetric {
		algorithm = "RS512"
	}
	signed := encodePart(object{"alg": algorithm, "typ": "JWT"}) + "." + encodePart(claims)
	if !asymmetric {
		return signed + "." + base64.RawURLEncoding.EncodeToString(k.mac(signed))
	}
	digest := sha512.Sum512([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.private(), crypto.SHA512, digest[:])
	if err != nil {
		panic(err) // cannot happen with a key of this size
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// verify gives the username a token names, if the token is good.
func (k *keys) verify(token string, now time.Time) (username string, valid bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var claims struct {
		Audience string `json:"aud"`
		Issuer   string `json:"iss"`
		Expires  int64  `json:"exp"`
		Username string `json:"preferred_username"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) {
		return "", false
	}
	signed := parts[0] + "." + parts[1]
	switch header.Algorithm {
	case "HS256":
		valid = hmac.Equal(signature, k.mac(signed))
	case "RS512":
		digest := sha512.Sum512([]byte(signed))
		valid = rsa.VerifyPKCS1v15(&k.private().PublicKey, crypto.SHA512, digest[:], signature) == nil
	}
	if !valid || claims.Audience != jwtAudience || claims.Issuer != jwtIssuer || claims.Username == "" {
		return "", false
	}
	return claims.Username, now.Before(time.Unix(claims.Expires, 0).Add(jwtLeeway))
}

func (k *keys) mac(signed string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// keySet is GET /auth/jwks.json.
func keySet(c *call) answer {
	public := c.keys.private().PublicKey
	encode := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return ok(object{"keys": []object{{
		"kty": "RSA",
		"kid": "openedx",
		"e":   encode(big.NewInt(int64(public.E))),
		"n":   encode(public.N),
	}}})
}

func encodePart(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // claims are plain values
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodePart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}
