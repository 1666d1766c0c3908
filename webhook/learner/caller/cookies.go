package caller

import (
	"net/http"
	"strings"
)

// The LMS splits the token that its login puts into the browser, so that scripts can read what it says and not use it.
const (
	headerPayloadCookie = "edx-jwt-cookie-header-payload"
	signatureCookie     = "edx-jwt-cookie-signature"
)

// cookieToken joins the halves of the token in the cookies of a request.
func cookieToken(r *http.Request) (string, error) {
	headerPayload, signature := r.CookiesNamed(headerPayloadCookie), r.CookiesNamed(signatureCookie)
	switch {
	case len(headerPayload) == 0 && len(signature) == 0:
		return "", ErrNoCredential
	case len(headerPayload) == 0 || len(signature) == 0:
		return "", invalid("one half of the JWT cookies is missing")
	case len(headerPayload) > 1 || len(signature) > 1:
		// A neighbouring host can plant a cookie for the whole domain, and nobody can tell whose comes first.
		return "", invalid("there are several JWT cookies of one name")
	case strings.Contains(signature[0].Value, "."):
		return "", invalid("the JWT cookies are not split where the LMS splits them")
	}
	return headerPayload[0].Value + "." + signature[0].Value, nil
}
