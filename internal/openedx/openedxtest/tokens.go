package openedxtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	jwtLifetime    = time.Hour
	opaqueLifetime = 10 * time.Hour
	defaultScopes  = "read write email profile"
)

// opaqueToken is a bearer token that says nothing by itself.
type opaqueToken struct {
	user    *user
	expires time.Time
}

// accessToken is POST /oauth2/access_token. It reads forms only, and checks the grant before it looks at who asks.
func accessToken(c *call) answer {
	if c.request.Method != http.MethodPost {
		return empty(http.StatusMethodNotAllowed).with("Allow", "POST, OPTIONS").with("Content-Type", "text/html; charset=utf-8")
	}
	form := c.form()
	app, known := c.applications[form.Get("client_id")]
	if id, secret, basic := c.request.BasicAuth(); basic {
		app, known = c.applications[id]
		form.Set("client_secret", secret)
	}
	known = known && app.ClientSecret == form.Get("client_secret")

	grant := form.Get("grant_type")
	if refused := incompleteGrant(grant, form); refused != nil {
		return *refused
	}
	if !known {
		return oauthError(http.StatusUnauthorized, "invalid_client", "").with("WWW-Authenticate", `Bearer error="invalid_client"`)
	}
	switch grant {
	case "password":
		if u := c.users[fold(form.Get("username"))]; u == nil || u.password == "" || u.password != form.Get("password") {
			return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid credentials given.")
		}
		return oauthError(http.StatusBadRequest, "unauthorized_client", "") // no application here has this grant
	case "authorization_code":
		return oauthError(http.StatusBadRequest, "unauthorized_client", "")
	case "refresh_token": // goes with any grant, but there never was a token
		return oauthError(http.StatusBadRequest, "invalid_grant", "")
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = strings.Fields(defaultScopes)
	}
	for _, scope := range scopes {
		if !slices.Contains(strings.Fields(defaultScopes), scope) {
			return oauthError(http.StatusBadRequest, "invalid_scope", "")
		}
	}
	return c.issue(c.users[fold(app.User)], scopes, form)
}

// incompleteGrant is what is wrong with a grant, whoever asks for it.
func incompleteGrant(grant string, form url.Values) *answer {
	var needs []string
	wording := "Request is missing %s parameter."
	switch grant {
	case "client_credentials":
	case "password":
		needs = []string{"username", "password"}
	case "authorization_code":
		needs, wording = []string{"code"}, "Missing %s parameter."
	case "refresh_token":
		needs, wording = []string{"refresh_token"}, "Missing %s parameter."
	default:
		refused := oauthError(http.StatusBadRequest, "unsupported_grant_type", "")
		return &refused
	}
	for _, name := range needs {
		if form.Get(name) == "" {
			refused := oauthError(http.StatusBadRequest, "invalid_request", fmt.Sprintf(wording, strings.ReplaceAll(name, "_", " ")))
			return &refused
		}
	}
	return nil
}

func (c *call) issue(u *user, scopes []string, form url.Values) answer {
	tokenType := form.Get("token_type")
	if tokenType == "" {
		tokenType = c.request.Header.Get("X-Token-Type")
	}
	body := object{"scope": strings.Join(scopes, " ")}
	if strings.EqualFold(tokenType, "jwt") {
		body["access_token"] = c.keys.sign(claimsOf(u, scopes, c.clock.Now()), form.Get("asymmetric_jwt") != "")
		body["expires_in"] = int(jwtLifetime.Seconds())
		body["token_type"] = "JWT"
		return ok(body)
	}
	token := randomHex()
	c.opaqueTokens[token] = opaqueToken{user: u, expires: c.clock.Now().Add(opaqueLifetime)}
	body["access_token"] = token
	body["expires_in"] = int(opaqueLifetime.Seconds())
	body["token_type"] = "Bearer"
	return ok(body)
}

// form is the body if it is a form, else nothing.
func (c *call) form() url.Values {
	if !c.isForm() {
		return url.Values{}
	}
	contentType := c.request.Header.Get("Content-Type")
	media, params := mediaType(contentType)
	values := url.Values{}
	for name, all := range parseForm(media, params, c.body) {
		values.Set(name, all[len(all)-1])
	}
	return values
}

func oauthError(status int, code, description string) answer {
	body := object{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	return jsonAnswer(status, body)
}
