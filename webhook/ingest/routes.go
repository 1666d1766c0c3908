package ingest

import (
	"net/http"
	"strings"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/hints"
	"rollcall.dev/rollcall/webhook/middleware"
	"rollcall.dev/rollcall/webhook/problem"
)

// Handler is the door without its listener: what each request is answered with.
func (s *Server) Handler() http.Handler {
	documentPath := s.pathPrefix + "/contacts/{contactID}/enrollments/{$}"
	inFlight := middleware.InFlight(s.limits.MaxInFlight, s.handle(doors.Overloaded))
	bulkInFlight := middleware.InFlight(s.limits.MaxBulkInFlight, s.handle(doors.Overloaded))
	mux := http.NewServeMux()
	mux.Handle("PUT "+documentPath, s.audited(inFlight(s.handle(s.put))))
	mux.Handle("GET "+documentPath, inFlight(s.handle(doors.Timed(s.limits.RequestTimeout, s.get)))) // and HEAD, as HTTP wants it
	mux.Handle(documentPath, s.handle(doors.NotAllowed(http.MethodGet, http.MethodHead, http.MethodPut)))
	bulkPath := s.pathPrefix + "/contacts/{$}"
	mux.Handle("POST "+bulkPath, bulkInFlight(s.handle(s.bulk))) // as long as it takes
	mux.Handle(bulkPath, s.handle(doors.NotAllowed(http.MethodPost)))
	descriptionPath := s.pathPrefix + "/openapi.json"
	mux.Handle("GET "+descriptionPath, s.handle(s.description.Get))
	mux.Handle(descriptionPath, s.handle(doors.NotAllowed(http.MethodGet, http.MethodHead)))
	if s.hints != nil {
		mux.Handle("POST "+s.pathPrefix+hints.Path, inFlight(s.handle(s.hint)))
	}
	mux.Handle("/", s.handle(s.notFound))

	// Everything has one address. The multiplexer would redirect to it what comes without the slash at the end.
	mux.Handle(strings.TrimSuffix(documentPath, "/{$}"), s.handle(s.notFound))
	mux.Handle(strings.TrimSuffix(bulkPath, "/{$}"), s.handle(s.notFound))
	return doors.Observed(mux, requests)
}

func (s *Server) notFound(http.ResponseWriter, *http.Request) error {
	return problem.NotFound("There is nothing at this path. Documents are at " + s.pathPrefix + "/contacts/CONTACT_ID/enrollments/.")
}

// hint takes an event of an LMS. It is no part of the back office's API, and needs no other credential than its address.
func (s *Server) hint(w http.ResponseWriter, r *http.Request) error {
	s.hints.ServeHTTP(w, r)
	return nil
}

// handle makes a handler of a function that returns its problems.
func (s *Server) handle(serve doors.ServeFunc) http.Handler {
	return doors.Handle(serve, &s.synced, s.refuse)
}

// refuse answers with a problem, and notes it where it counts.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	s.refusals.note(r, p)
	entryOf(r.Context()).refused(p)
	p.Write(w, r)
}
