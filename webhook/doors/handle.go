package doors

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"rollcall.dev/rollcall/webhook/problem"
)

// RetryAfter is when a caller may try again after something that passes.
const RetryAfter = 5 * time.Second

// Synced is true once the cache is filled that a door answers from.
type Synced struct{ atomic.Bool }

// Await waits until a cache is filled: a task of Serve.
func (s *Synced) Await(filled cache.Cache) func(context.Context) error {
	return func(ctx context.Context) error {
		s.Store(filled.WaitForCacheSync(ctx))
		return nil
	}
}

// Ready says whether requests are answered: a check for /readyz.
func (s *Synced) Ready(*http.Request) error {
	if !s.Load() {
		return errors.New("the cache is not filled yet")
	}
	return nil
}

// ServeFunc serves a request, or returns the problem to answer.
type ServeFunc func(http.ResponseWriter, *http.Request) error

// Refuse answers a request with a problem.
type Refuse func(http.ResponseWriter, *http.Request, *problem.Problem)

// Timed puts a deadline on the work on a request.
func Timed(timeout time.Duration, serve ServeFunc) ServeFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		return serve(w, r.WithContext(ctx))
	}
}

// NotAllowed serves the requests whose method is none of these.
func NotAllowed(allowed ...string) ServeFunc {
	return func(http.ResponseWriter, *http.Request) error { return problem.MethodNotAllowed(allowed...) }
}

// Overloaded serves the requests that are beyond what a replica works on at a time.
func Overloaded(http.ResponseWriter, *http.Request) error {
	return problem.Overloaded("This replica works on as many requests as it takes at a time.", RetryAfter)
}

// Handle makes a handler of a function that returns its problems. It sees to a cache that is not filled yet, and to panics.
func Handle(serve ServeFunc, synced *Synced, refuse Refuse) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answerWriter{ResponseWriter: w}
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case http.ErrAbortHandler:
				panic(reason)
			default:
				internal := recovered(r.Context(), reason)
				if answer.begun {
					panic(http.ErrAbortHandler) // the caller sees that the answer is cut off, and no second one behind it
				}
				refuse(answer, r, internal)
			}
		}()
		if !synced.Load() {
			refuse(answer, r, problem.Unavailable("Rollcall is starting.", RetryAfter))
			return
		}
		if err := serve(answer, r); err != nil {
			refuse(answer, r, ProblemOf(r.Context(), err))
		}
	})
}

// Guarded does some work, and makes a problem of a panic.
func Guarded(ctx context.Context, work func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = recovered(ctx, reason)
		}
	}()
	return work()
}

// recovered logs the reason of a panic and gives the answer.
func recovered(ctx context.Context, reason any) *problem.Problem {
	ctrl.LoggerFrom(ctx).Info("Recovered from a panic", "reason", reason, "stack", string(debug.Stack()))
	return problem.Internal()
}

// answerWriter knows whether the answer has begun.
type answerWriter struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader begins the answer.
func (w *answerWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer, if WriteHeader has not.
func (w *answerWriter) Write(body []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(body)
}

// Unwrap gives http.ResponseController what is below.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteJSON answers with JSON, which nobody keeps unless the answer says so already.
func WriteJSON(w http.ResponseWriter, r *http.Request, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	if err := json.MarshalWrite(w, answer); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
}
