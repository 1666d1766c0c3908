package learner

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/learner/caller"
	"rollcall.dev/rollcall/webhook/problem"
)

const (
	// csrfHeader and csrfCookie carry Django's token, once as only a page can that may read the LMS's cookies.
	csrfHeader = "X-CSRFToken"
	csrfCookie = "csrftoken"
)

// acrossOrigins lets the pages of the platform's other origins read the answers, and no others.
func (r *reception) acrossOrigins(serve doors.ServeFunc) doors.ServeFunc {
	return func(w http.ResponseWriter, request *http.Request) error {
		header := w.Header()
		header.Add("Vary", "Origin")
		platform, err := r.home(request.Context())
		if err != nil {
			return err
		}
		if origin := request.Header.Get("Origin"); slices.Contains(platform.Spec.Learners.AllowedOrigins, origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Allow-Credentials", "true")
			header.Set("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-ID")
		}
		return serve(w, request)
	}
}

// preflight answers a browser that asks whether a page of another origin may send a request.
func preflight(allowed []string) doors.ServeFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		header := w.Header()
		if header.Get("Access-Control-Allow-Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
			return problem.MethodNotAllowed(allowed...)
		}
		header.Del("Access-Control-Expose-Headers")
		header.Set("Access-Control-Allow-Methods", strings.Join(allowed, ", "))
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type, "+idempotencyHeader+", Traceparent, "+csrfHeader+", X-Request-ID")
		header.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// checkCrossing refuses what another site made the learner's browser send. Browsers send cookies by themselves, and nothing
// else.
func checkCrossing(r *http.Request, who caller.Identity, allowedOrigins []string) error {
	if !who.Cookie || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	protection := http.NewCrossOriginProtection()
	for _, origin := range allowedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return errors.Join(errors.New("the platform allows an origin that is none"), err)
		}
	}
	if err := protection.Check(r); err != nil {
		return forged("The request comes from a page of another site.")
	}
	sent := r.Header.Get(csrfHeader)
	isSent := func(cookie *http.Cookie) bool { return cookie.Value == sent }
	if sent == "" || !slices.ContainsFunc(r.CookiesNamed(csrfCookie), isSent) {
		return forged("Send the value of the cookie " + csrfCookie + " as the header " + csrfHeader + ", too.")
	}
	return nil
}
