package learner

import (
	"net/http"
	"strings"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/learner/assets"
	"rollcall.dev/rollcall/webhook/middleware"
	"rollcall.dev/rollcall/webhook/problem"
)

var requests = middleware.NewMetrics("learner")

// The paths of the API.
const (
	mePath          = prefix + "/learner/me/{$}"
	coursesPath     = prefix + "/learner/contacts/{contactID}/courses/{$}"
	messagePath     = prefix + "/learner/contacts/{contactID}/messages/{messageID}/{$}"
	mentorPath      = prefix + "/mentor/contacts/{contactID}/courses/{courseID}/{$}"
	supportPath     = prefix + "/support/contacts/{contactID}/{$}"
	descriptionPath = prefix + "/learner/openapi.json"
	assetsPath      = prefix + "/learner/assets/"
)

// Handler is the door without its listener: what each request is answered with.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	inFlight := middleware.InFlight(maxInFlight, s.handle(doors.Overloaded))
	guests := func(serve guestFunc) http.Handler {
		limited := inFlight(s.handle(s.forGuests(serve)))
		return s.handle(s.served(func(w http.ResponseWriter, r *http.Request) error {
			limited.ServeHTTP(w, r) // the answer to what is too much can be read by the same pages
			return nil
		}))
	}
	serve := func(path string, get guestFunc, post guestFunc) {
		allowed := []string{http.MethodGet, http.MethodHead}
		mux.Handle("GET "+path, guests(get)) // and HEAD, as HTTP wants it
		if post != nil {
			allowed = append(allowed, http.MethodPost)
			mux.Handle("POST "+path, guests(post))
		}
		mux.Handle("OPTIONS "+path, s.handle(s.served(preflight(allowed))))
		mux.Handle(path, s.handle(s.served(doors.NotAllowed(allowed...))))
		// Everything has one address. The multiplexer would redirect to it what comes without the slash at the end.
		mux.Handle(strings.TrimSuffix(path, "/{$}"), s.handle(notFound))
	}
	serve(mePath, s.getMe, nil)
	serve(coursesPath, s.getCourses, nil)
	serve(mentorPath, s.getMentor, s.postToMentor)
	serve(supportPath, s.getSupport, s.postToSupport)
	serve(messagePath, s.getMessage, nil)
	mux.Handle("GET "+descriptionPath, s.handle(s.description.Get))
	mux.Handle(descriptionPath, s.handle(doors.NotAllowed(http.MethodGet, http.MethodHead)))
	mux.Handle(assetsPath, assets.Handler(assetsPath)) // whether the cache is filled or not
	mux.Handle("/", s.handle(notFound))
	return doors.Observed(mux, requests)
}

func (s *Server) handle(serve doors.ServeFunc) http.Handler {
	return doors.Handle(serve, &s.synced, func(w http.ResponseWriter, r *http.Request, p *problem.Problem) { p.WriteJSON(w, r) })
}

// served puts on a request's work what holds for all of the API: a deadline, and which pages of other origins may read the
// answer.
func (s *Server) served(serve doors.ServeFunc) doors.ServeFunc {
	return doors.Timed(workTimeout, s.reception.acrossOrigins(serve))
}

// guestFunc serves a request of a learner who is known.
type guestFunc func(http.ResponseWriter, *http.Request, *guest) error

// forGuests lets a learner in, to what is their own.
func (s *Server) forGuests(serve guestFunc) doors.ServeFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := s.reception.receive(r)
		if err != nil {
			return err
		}
		caller.visit, err = s.visits.begin(caller.contact.UID)
		if err != nil {
			return err
		}
		defer s.visits.end(caller.contact.UID)
		w.Header().Set("Cache-Control", "private, no-store")
		return serve(w, r, caller)
	}
}

func notFound(http.ResponseWriter, *http.Request) error {
	return problem.NotFound("There is nothing at this path.")
}
