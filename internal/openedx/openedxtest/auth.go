package openedxtest

import (
	"net/http"
	"strings"
)

// schemes are the ways of a view to find out who calls.
type schemes int

const (
	nobodyAsked schemes = iota
	jwtOnly             // JWT, for APIs that take the platform's defaults
	jwtOrBearer         // JWT, else an opaque token
	bearerOrJWT         // the same the other way round, as eox-core has it: the first one words the challenge
)

func (s schemes) challenge() string {
	if s == bearerOrJWT {
		return `Bearer realm="api"`
	}
	return `JWT realm="api"`
}

// nobody is what a caller without credentials is told.
func (s schemes) nobody() refusal {
	if s == bearerOrJWT {
		return refusal{status: http.StatusUnauthorized, detail: "Invalid token"}
	}
	return refusal{status: http.StatusUnauthorized, detail: notAuthenticated}
}

// forbidden is what a caller is told who may not. eox-core makes no difference to nobody.
func (s schemes) forbidden() refusal {
	if s == bearerOrJWT {
		return s.nobody()
	}
	return refusal{status: http.StatusForbidden, detail: notPermitted}
}

// authenticate finds the caller. A token that is no good is refused even where none is needed.
func (c *call) authenticate(s schemes) *refusal {
	fields := strings.Fields(c.request.Header.Get("Authorization"))
	if s == nobodyAsked || len(fields) == 0 {
		return nil
	}
	isJWT := strings.EqualFold(fields[0], "jwt")
	if s == bearerOrJWT && len(fields) != 2 || s != jwtOnly && !isJWT {
		return c.authenticateBearer(fields)
	}
	if isJWT {
		return c.authenticateJWT(fields)
	}
	return nil
}

func (c *call) authenticateJWT(fields []string) *refusal {
	unauthorized := func(text string) *refusal { return &refusal{status: http.StatusUnauthorized, detail: text} }
	if len(fields) == 1 {
		return unauthorized("Invalid Authorization header. No credentials provided.")
	}
	if len(fields) > 2 {
		return unauthorized("Invalid Authorization header. Credentials string should not contain spaces.")
	}
	username, valid := c.keys.verify(fields[1], c.clock.Now())
	if !valid {
		return unauthorized("Invalid token.")
	}
	c.caller = c.users[fold(username)]
	if c.caller == nil {
		// The platform believes a good signature, and makes the user it names.
		c.caller = c.addUser(username, username+"@unknown.invalid", "", "")
		c.caller.active = true
	}
	return nil
}

// authenticateBearer objects to any header that has not two words, whatever its scheme, and else leaves other schemes alone.
func (c *call) authenticateBearer(fields []string) *refusal {
	unauthorized := func(code, text string) *refusal {
		return &refusal{status: http.StatusUnauthorized, detail: object{"error_code": code, "developer_message": text}}
	}
	if len(fields) == 1 {
		return unauthorized("token_not_provided", "Invalid token header. No credentials provided.")
	}
	if len(fields) > 2 {
		return unauthorized("token_malformed", "Invalid token header. Token string should not contain spaces.")
	}
	if !strings.EqualFold(fields[0], "bearer") {
		return nil
	}
	token, known := c.opaqueTokens[fields[1]]
	if !known {
		return unauthorized("token_nonexistent", "The provided access token does not match any valid tokens.")
	}
	if c.clock.Now().After(token.expires) {
		return unauthorized("token_expired", "The provided access token has expired and is no longer valid.")
	}
	c.caller = token.user
	return nil
}

// isStaff is the permission of administrators.
func isStaff(c *call) bool { return c.caller.staff }
