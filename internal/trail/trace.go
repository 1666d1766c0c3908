package trail

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// TraceparentHeader is the HTTP header with the trace and the span that cause a request (W3C Trace Context).
const TraceparentHeader = "Traceparent"

var (
	tracer = otel.Tracer("rollcall.dev/rollcall")
	// propagator knows no baggage: nobody says what others put there, and it would go to the LMS.
	propagator propagation.TraceContext
)

// Start begins a span, and gives a context whose logger knows the trace, and the request if there is one.
func Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx, span := tracer.Start(ctx, name, options...)
	known := []any{"traceID", span.SpanContext().TraceID().String()}
	if id := RequestID(ctx); id != "" {
		known = append(known, "requestID", id)
	}
	return logf.IntoContext(ctx, logf.FromContext(ctx).WithValues(known...)), span // once, as it copies the logger
}

// Extract gives a context that goes on with the trace of a request, if its header names one.
func Extract(ctx context.Context, header http.Header) context.Context {
	return propagator.Extract(ctx, propagation.HeaderCarrier(header))
}

// Resume goes on with the trail of the document that a Contact holds: what is done in the context is done because of it.
// The caller ends the span.
func Resume(ctx context.Context, contact *v1alpha1.Contact, step string) (context.Context, trace.Span) {
	ctx = propagator.Extract(ctx, propagation.MapCarrier{"traceparent": contact.Annotations[v1alpha1.DocumentTraceparentAnnotation]})
	if id := contact.Annotations[v1alpha1.DocumentRequestIDAnnotation]; IsRequestID(id) {
		ctx = WithRequestID(ctx, id)
	}
	return Start(ctx, step)
}

// Inject tells the receiver of a call which request causes it. It adds nothing where none does: a span that began by itself
// leads to nobody.
func Inject(ctx context.Context, header http.Header) {
	id := RequestID(ctx)
	if id == "" {
		return
	}
	header.Set(RequestIDHeader, id)
	propagator.Inject(ctx, propagation.HeaderCarrier(header))
}

// Traceparent is the span of the context as the header traceparent has it; empty when there is none.
func Traceparent(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return ""
	}
	return "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
}
