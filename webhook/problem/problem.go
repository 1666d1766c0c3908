// Package problem is how Rollcall's HTTP doors say that something went wrong: RFC 9457, application/problem+json.
package problem

import (
	_ "embed" // the page
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/webhook/page"
)

// Problem is an answer other than success. It is an error, so that code returns it like any other.
type Problem struct {
	// Type is a stable name for the kind of problem: a URI reference.
	Type string `json:"type"`
	// Title says in a few words what Type means.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail says what happened this time and what to do. It repeats nothing of what was sent.
	Detail string `json:"detail"`
	// Errors are the parts of the request that are wrong.
	Errors []Error `json:"errors,omitempty"`
	// Extensions are members of this Type alone.
	Extensions map[string]any `json:",embed"`

	// Header is sent besides the standard ones.
	Header http.Header `json:"-"`
}

// Error is one part of a request that is wrong.
type Error struct {
	// Pointer is where: a JSON pointer (RFC 6901) into the request's body. It is empty for the body as a whole, and for
	// what is not in the body.
	Pointer string `json:"pointer"`
	// Header is the name of the header that is wrong, if it is one.
	Header string `json:"header,omitempty"`
	// Parameter is the name of the query parameter that is wrong, if it is one.
	Parameter string `json:"parameter,omitempty"`
	// Reason is one CamelCase word for programs.
	Reason string `json:"reason"`
	// Detail is a sentence for people. It repeats nothing of what was sent.
	Detail string `json:"detail"`
}

// Reasons of errors.
const (
	ReasonSyntax       = "Syntax"       // not JSON from here on
	ReasonMissing      = "Missing"      // a member that has to be there is not
	ReasonUnknown      = "Unknown"      // a member that there is not
	ReasonDuplicate    = "Duplicate"    // a member, or an item that is to be there once, that is there twice
	ReasonWrongType    = "WrongType"    // another JSON type, or null
	ReasonMalformed    = "Malformed"    // the right type, but not such a value
	ReasonTooMany      = "TooMany"      // more items than allowed
	ReasonInconsistent = "Inconsistent" // right by itself, wrong beside another attribute or the URL
	ReasonRefused      = "Refused"      // the API server does not take it
)

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

//go:embed page.html
var template string

var problemPage = page.New(template)

// Write sends the problem: as a page to whoever reads with a browser, as JSON to all others.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	if page.Wanted(w, r) {
		maps.Copy(w.Header(), p.Header)
		page.Write(w, r, p.Status, problemPage, p)
		return
	}
	p.WriteJSON(w, r)
}

// WriteJSON sends the problem to whoever it is for, as one that no person reads.
func (p *Problem) WriteJSON(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	maps.Copy(header, p.Header)
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if err := json.MarshalWrite(w, p); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
}

// Unauthenticated says that the credential is missing or not valid.
func Unauthenticated() *Problem {
	return &Problem{
		Type: "/problems/unauthenticated", Title: "Not authenticated", Status: http.StatusUnauthorized,
		Detail: "Send a valid token (Authorization: Bearer TOKEN), or a client certificate where Rollcall asks for one.",
		Header: http.Header{"Www-Authenticate": {"Bearer"}},
	}
}

// Forbidden says that the caller is known but may not do this.
func Forbidden(detail string) *Problem {
	return &Problem{Type: "/problems/forbidden", Title: "Not allowed", Status: http.StatusForbidden, Detail: detail}
}

// NotJSON says that a body cannot be read as JSON.
func NotJSON(detail string, errors ...Error) *Problem {
	if len(errors) == 0 {
		errors = []Error{{Pointer: "", Reason: ReasonSyntax, Detail: detail}}
	}
	return &Problem{
		Type: "/problems/not-json", Title: "The body is not JSON", Status: http.StatusBadRequest,
		Detail: detail + " Nothing was stored.", Errors: errors,
	}
}

// BadRequest says that headers or query parameters are wrong.
func BadRequest(errors ...Error) *Problem {
	return &Problem{
		Type: "/problems/bad-request", Title: "A header or parameter is wrong", Status: http.StatusBadRequest,
		Detail: "Nothing was done. Correct what is listed and send the request again.", Errors: errors,
	}
}

// NotFound says that there is nothing at the request's path.
func NotFound(detail string) *Problem {
	return &Problem{Type: "/problems/not-found", Title: "Not found", Status: http.StatusNotFound, Detail: detail}
}

// MethodNotAllowed says which methods there are instead.
func MethodNotAllowed(allowed ...string) *Problem {
	list := strings.Join(allowed, ", ")
	return &Problem{
		Type: "/problems/method-not-allowed", Title: "Method not allowed", Status: http.StatusMethodNotAllowed,
		Detail: "Use one of: " + list + ".",
		Header: http.Header{"Allow": {list}},
	}
}

// TooLarge says how long a part of the request may be, such as the body.
func TooLarge(part string, limit int64) *Problem {
	return &Problem{
		Type: "/problems/too-large", Title: "Too large", Status: http.StatusRequestEntityTooLarge,
		Detail: "The " + part + " must not be longer than " + strconv.FormatInt(limit, 10) + " bytes.",
	}
}

// UnsupportedMediaType says what a body has to be.
func UnsupportedMediaType(detail string) *Problem {
	return &Problem{
		Type: "/problems/unsupported-media-type", Title: "Unsupported media type", Status: http.StatusUnsupportedMediaType,
		Detail: detail,
	}
}

// TooManyRequests says that the caller has to slow down.
func TooManyRequests(detail string, retryAfter time.Duration) *Problem {
	return &Problem{
		Type: "/problems/too-many-requests", Title: "Too many requests", Status: http.StatusTooManyRequests,
		Detail: detail + " Nothing was done; send the request again after the time that Retry-After says.",
		Header: after(retryAfter),
	}
}

// Overloaded says that others have to be served first.
func Overloaded(detail string, retryAfter time.Duration) *Problem {
	return &Problem{
		Type: "/problems/overloaded", Title: "Too much at once", Status: http.StatusServiceUnavailable,
		Detail: detail + " Nothing was done; send the request again after the time that Retry-After says.",
		Header: after(retryAfter),
	}
}

// Unavailable says that the request can be repeated after a while.
func Unavailable(detail string, retryAfter time.Duration) *Problem {
	return &Problem{
		Type: "/problems/unavailable", Title: "Not available now", Status: http.StatusServiceUnavailable,
		Detail: detail,
		Header: after(retryAfter),
	}
}

// after is the header that says when to try again. It counts whole seconds; a part of one is waited for, too.
func after(wait time.Duration) http.Header {
	return http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}}
}

// Internal says that it is our fault. The reason is in the log, not in the answer.
func Internal() *Problem {
	return &Problem{
		Type: "/problems/internal", Title: "Internal error", Status: http.StatusInternalServerError,
		Detail: "Rollcall failed on this request; its log says why. Nothing is acknowledged; what was sent may be stored all the same.",
	}
}
