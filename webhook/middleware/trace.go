package middleware

import (
	"net/http"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"rollcall.dev/rollcall/internal/trail"
)

// Trace serves each request in a span, which goes on with the trace of the header traceparent. The answer's traceparent
// names the span.
//
// It stands in for otelhttp, which writes the path and the caller's address into every span and has no switch for that.
func Trace(route Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := methodOf(r), route(r)
		ctx, span := trail.Start(trail.Extract(r.Context(), r.Header), method+" "+path,
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(path)))
		defer span.End()
		w.Header().Set(trail.TraceparentHeader, trail.Traceparent(ctx))
		watch(next, w, r.WithContext(ctx), func(status int) {
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "")
			}
		})
	})
}
