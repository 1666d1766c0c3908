package doors

import (
	"net/http"
	"path"

	"rollcall.dev/rollcall/webhook/middleware"
)

// Observed serves what a multiplexer has, each request with its ID, in a span, and counted. Everything has one address: a
// path like /a/../b, which the multiplexer would redirect to another one, leads to nothing.
func Observed(mux *http.ServeMux, metrics *middleware.Metrics) http.Handler {
	route := middleware.RouteOf(mux)
	observed := middleware.RequestID(middleware.Trace(route, metrics.Count(route, mux)))
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
