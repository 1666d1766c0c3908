package ingest

import (
	"context"
	"net/http"
	"path"
	"runtime/debug"
	"strings"

	"github.com/go-json-experiment/json"
	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/webhook/hints"
	"rollcall.dev/rollcall/webhook/middleware"
	"rollcall.dev/rollcall/webhook/problem"
)

// Handler is the door without its listener: what each request is answered with.
func (s *Server) Handler() http.Handler {
	documentPath := s.pathPrefix + "/contacts/{contactID}/enrollments/{$}"
	inFlight := middleware.InFlight(s.limits.MaxInFlight, s.handle(s.overloaded))
	bulkInFlight := middleware.InFlight(s.limits.MaxBulkInFlight, s.handle(s.overloaded))
	mux := http.NewServeMux()
	mux.Handle("PUT "+documentPath, s.audited(inFlight(s.handle(s.put))))
	mux.Handle("GET "+documentPath, inFlight(s.handle(s.timed(s.get)))) // and HEAD, as HTTP wants it
	mux.Handle(documentPath, s.handle(func(http.ResponseWriter, *http.Request) error {
		return problem.MethodNotAllowed(http.MethodGet, http.MethodHead, http.MethodPut)
	}))
	bulkPath := s.pathPrefix + "/contacts/{$}"
	mux.Handle("POST "+bulkPath, bulkInFlight(s.handle(s.bulk))) // as long as it takes
	mux.Handle(bulkPath, s.handle(func(http.ResponseWriter, *http.Request) error {
		return problem.MethodNotAllowed(http.MethodPost)
	}))
	descriptionPath := s.pathPrefix + "/openapi.json"
	mux.Handle("GET "+descriptionPath, s.handle(s.getDescription))
	mux.Handle(descriptionPath, s.handle(func(http.ResponseWriter, *http.Request) error {
		return problem.MethodNotAllowed(http.MethodGet, http.MethodHead)
	}))
	if s.hints != nil {
		mux.Handle("POST "+s.pathPrefix+hints.Path, inFlight(s.handle(s.hint)))
	}
	mux.Handle("/", s.handle(s.notFound))

	// Everything has one address. The multiplexer would redirect others to it: those with /a/../ in them, and those
	// without the slash at the end.
	mux.Handle(strings.TrimSuffix(documentPath, "/{$}"), s.handle(s.notFound))
	mux.Handle(strings.TrimSuffix(bulkPath, "/{$}"), s.handle(s.notFound))
	route := middleware.RouteOf(mux)
	observed := middleware.RequestID(middleware.Trace(route, requests.Count(route, mux)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.Path) {
			r.URL.Path = "/"
		}
		observed.ServeHTTP(w, r)
	})
}

// isClean is true for a path that the multiplexer would not redirect to another one.
func isClean(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/" && clean != "/"
}

func (s *Server) notFound(http.ResponseWriter, *http.Request) error {
	return problem.NotFound("There is nothing at this path. Documents are at " + s.pathPrefix + "/contacts/CONTACT_ID/enrollments/.")
}

// hint takes an event of an LMS. It is no part of the back office's API, and needs no other credential than its address.
func (s *Server) hint(w http.ResponseWriter, r *http.Request) error {
	s.hints.ServeHTTP(w, r)
	return nil
}

func (s *Server) overloaded(http.ResponseWriter, *http.Request) error {
	return problem.Overloaded("This replica works on as many requests as it takes at a time.", retryAfter)
}

// serveFunc serves a request, or returns the problem to answer.
type serveFunc func(http.ResponseWriter, *http.Request) error

// timed puts the deadline on the work on a request.
func (s *Server) timed(serve serveFunc) serveFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.RequestTimeout)
		defer cancel()
		return serve(w, r.WithContext(ctx))
	}
}

// handle makes a handler of a function that returns its problems. It sees to a cache that is not filled yet, and to panics.
func (s *Server) handle(serve serveFunc) http.Handler {
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
				s.refuse(answer, r, internal)
			}
		}()
		if !s.synced.Load() {
			s.refuse(answer, r, problem.Unavailable("Rollcall is starting.", retryAfter))
			return
		}
		if err := serve(answer, r); err != nil {
			s.refuse(answer, r, problemOf(r.Context(), err))
		}
	})
}

// refuse answers with a problem, and notes it where it counts.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	s.refusals.note(r, p)
	entryOf(r.Context()).refused(p)
	p.Write(w, r)
}

// guarded does some work, and makes a problem of a panic.
func guarded(ctx context.Context, work func() error) (err error) {
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

func writeJSON(w http.ResponseWriter, r *http.Request, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.MarshalWrite(w, answer); err != nil {
		ctrl.LoggerFrom(r.Context()).V(1).Info("Cannot send an answer", "err", err.Error())
	}
}
