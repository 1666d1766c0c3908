package middleware

import (
	"cmp"
	"net/http"
	"strings"
)

// Route names what a request goes to, for metrics and traces. It is never the path of the request, which holds whatever the
// caller wrote.
type Route func(*http.Request) string

// RouteOf names routes by the patterns of a multiplexer, without their methods: /contacts/{contactID}/, or / for what has
// no pattern of its own.
func RouteOf(mux *http.ServeMux) Route {
	return func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return routeNamed(pattern)
	}
}

// RouteInside names the route of a request that a multiplexer has sent to its handler, as RouteOf does.
func RouteInside(r *http.Request) string { return routeNamed(r.Pattern) }

func routeNamed(pattern string) string {
	return cmp.Or(strings.TrimSuffix(pattern[strings.IndexByte(pattern, ' ')+1:], "{$}"), "/")
}

// methodOf names the method of a request. Callers may make up others than these, and each would be a metric.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	default:
		return "other"
	}
}
