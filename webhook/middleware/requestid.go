package middleware

import (
	"net/http"

	"github.com/google/uuid"

	"rollcall.dev/rollcall/internal/trail"
)

// RequestID gives each request an ID: the caller's, from the header X-Request-ID, or a new one where the caller's is missing
// or not fit. The answer has it, and so has the context.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(trail.RequestIDHeader)
		if !trail.IsRequestID(id) {
			id = uuid.NewString()
		}
		w.Header().Set(trail.RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(trail.WithRequestID(r.Context(), id)))
	})
}
