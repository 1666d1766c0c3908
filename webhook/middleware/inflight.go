// Package middleware is what Rollcall's HTTP doors put around their handlers. None of it hides
// http.ResponseController from them.
package middleware

import (
	"net/http"

	"golang.org/x/sync/semaphore"
)

// InFlight lets so many requests at a time through to the handlers that it wraps, which share the limit. The others are
// for refuse to answer, at once: none of them waits, and nothing of their bodies is read.
func InFlight(limit int64, refuse http.Handler) func(http.Handler) http.Handler {
	slots := semaphore.NewWeighted(limit)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slots.TryAcquire(1) {
				// Without this, the server of HTTP/1 waits for the body before it sends the answer. HTTP/2 never does.
				_ = http.NewResponseController(w).EnableFullDuplex()
				CloseAfter(w, r)
				refuse.ServeHTTP(w, r)
				return
			}
			defer slots.Release(1)
			next.ServeHTTP(w, r)
		})
	}
}

// CloseAfter closes the connection after the answer, if it is one of HTTP/1. It belongs to every EnableFullDuplex, which
// makes the server take what is left of a body for the next request. It has to be called before the answer begins.
func CloseAfter(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}
