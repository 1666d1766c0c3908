package openedxtest

import (
	"net/http"
	"strings"
	"time"
)

// The names of the cookies that a login leaves in the browser. The token is split, so that scripts can read what it says
// and not use it. The platform's edx-user-info is left out: nothing that is new reads it.
const (
	headerPayloadCookie = "edx-jwt-cookie-header-payload"
	signatureCookie     = "edx-jwt-cookie-signature"
	loggedInCookie      = "edxloggedin"
	sessionCookie       = "sessionid"
	csrfCookie          = "csrftoken"

	sessionLifetime = 14 * 24 * time.Hour
)

// logIn is POST /api/user/v2/account/login_session/. It takes forms, and only from who shows Django's CSRF token twice.
func logIn(c *call) answer {
	if c.request.Method != http.MethodPost {
		return empty(http.StatusMethodNotAllowed).with("Allow", "POST, OPTIONS")
	}
	form := c.form()
	csrf, err := c.request.Cookie(csrfCookie)
	if err != nil || csrf.Value == "" || csrf.Value != c.request.Header.Get("X-CSRFToken") && csrf.Value != form.Get("csrfmiddlewaretoken") {
		return page(http.StatusForbidden)
	}
	name := fold(form.Get("email_or_username"))
	u := c.users[name]
	if u == nil {
		u = c.emails[name]
	}
	switch {
	case u == nil || u.password == "" || u.password != form.Get("password"):
		return loginRefused("incorrect-email-or-password", "Email or password is incorrect.")
	case !u.active:
		return c.loggedOut(loginRefused("inactive-user", "In order to sign in, you need to activate your account."))
	}
	return c.loggedIn(ok(object{"success": true, "redirect_url": c.url("/dashboard")}), u)
}

// loggedIn adds the cookies of a login.
func (c *call) loggedIn(a answer, u *user) answer {
	u.lastLogin = c.clock.Now()
	session := randomHex()
	c.sessions[session] = u
	return c.withTokenCookies(a, u).
		withCookie(c.cookie(sessionCookie, session, sessionLifetime, true)).
		withCookie(c.cookie(loggedInCookie, "true", sessionLifetime, false))
}

func loginRefused(code, text string) answer {
	return jsonAnswer(http.StatusBadRequest, object{"success": false, "error_code": code, "value": text})
}

// refreshLogin is POST /login_refresh: a browser that is logged in gets a new token.
func refreshLogin(c *call) answer {
	if c.request.Method != http.MethodPost {
		return empty(http.StatusMethodNotAllowed).with("Allow", "POST")
	}
	u := c.session()
	if u == nil {
		return jsonAnswer(http.StatusUnauthorized, "Unauthorized")
	}
	now := c.clock.Now()
	return c.withTokenCookies(ok(object{
		"success": true, "user_id": u.id,
		"response_epoch_seconds": now.Unix(), "expires_epoch_seconds": now.Add(jwtLifetime).Unix(),
	}), u)
}

// logOut is GET /logout. A token that somebody kept lives on until it expires, as on the platform.
func logOut(c *call) answer {
	if session, err := c.request.Cookie(sessionCookie); err == nil {
		delete(c.sessions, session.Value)
	}
	return c.loggedOut(page(http.StatusOK))
}

// session gives who is logged in by the browser's session.
func (c *call) session() *user {
	session, err := c.request.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return c.sessions[session.Value]
}

// withTokenCookies adds the halves of a token for the learner's browser.
func (c *call) withTokenCookies(a answer, u *user) answer {
	claims := claimsOf(u, []string{"user_id", "email", "profile"}, c.clock.Now())
	claims["grant_type"], claims["user_id"] = "password", u.id
	claims["filters"] = []string{"user:me"}
	token := c.keys.sign(claims, true)
	split := strings.LastIndexByte(token, '.')
	return a.withCookie(c.cookie(headerPayloadCookie, token[:split], jwtLifetime, false)).
		withCookie(c.cookie(signatureCookie, token[split+1:], jwtLifetime, true))
}

// loggedOut makes the browser forget who was logged in.
func (c *call) loggedOut(a answer) answer {
	for _, name := range []string{headerPayloadCookie, signatureCookie, loggedInCookie, sessionCookie} {
		a = a.withCookie(c.cookie(name, "", -time.Second, false))
	}
	return a
}

func (c *call) cookie(name, value string, lifetime time.Duration, httpOnly bool) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // as the platform sets it: without SameSite, and Secure only where it is
		Name: name, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()), HttpOnly: httpOnly, Secure: c.request.TLS != nil,
	}
}
