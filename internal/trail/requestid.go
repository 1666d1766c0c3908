// Package trail carries who caused what: the ID and the trace of a request go with the document that came by it to the
// Contact, and from there to every call to the LMS that the document causes.
package trail

import (
	"context"
	"regexp"
)

// RequestIDHeader is the HTTP header with the ID of a request.
const RequestIDHeader = "X-Request-ID"

// fit is what an ID may look like: it goes into headers, annotations and logs as it is.
var fit = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// IsRequestID says whether a text can be the ID of a request: 1 to 128 letters and digits of ASCII, '.', '_' and '-'.
func IsRequestID(text string) bool { return fit.MatchString(text) }

type requestIDKey struct{}

// WithRequestID gives a context that knows the ID of the request which causes what is done in it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the ID of the request that causes what is done in the context; empty when it is none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
