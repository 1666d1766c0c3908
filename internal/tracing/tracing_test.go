package tracing

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
)

// collector is an OTLP collector that keeps what it gets.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	address  string
	requests chan *collectorv1.ExportTraceServiceRequest
}

func (c *collector) Export(_ context.Context, request *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.requests <- request
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &collector{address: "http://" + listener.Addr().String(), requests: make(chan *collectorv1.ExportTraceServiceRequest, 1)}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

func TestTheLastSpansGoToTheCollector(t *testing.T) {
	c := newCollector(t)
	stop, err := Start(t.Context(), c.address)
	must(t, err)
	_, span := otel.Tracer("").Start(t.Context(), "reconcile Contact")
	span.End()
	stop()
	resource := (<-c.requests).ResourceSpans[0]
	if got := resource.ScopeSpans[0].Spans[0]; got.Name != "reconcile Contact" || string(got.TraceId) != traceID(span) {
		t.Errorf("the collector got %v", got)
	}
	if got := attribute(resource.Resource.Attributes, "service.name"); got != "rollcall" {
		t.Errorf("the service is called %q", got)
	}
}

func TestTheStandardVariablesHold(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_SERVICE_NAME", "rollcall-test")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
	stop, err := Start(t.Context(), c.address)
	must(t, err)
	_, span := otel.Tracer("").Start(t.Context(), "reconcile Contact")
	span.End()
	stop()
	attributes := (<-c.requests).ResourceSpans[0].Resource.Attributes
	if name, environment := attribute(attributes, "service.name"), attribute(attributes, "deployment.environment.name"); name != "rollcall-test" || environment != "staging" {
		t.Errorf("the collector got the resource %v", attributes)
	}
}

func TestThereIsATraceWithoutACollectorToo(t *testing.T) {
	stop, err := Start(t.Context(), "")
	must(t, err)
	defer stop()
	_, own := otel.Tracer("").Start(t.Context(), "PUT")
	if !own.SpanContext().IsValid() || own.SpanContext().IsSampled() {
		t.Errorf("a trace that begins here is %v, want one that nobody is asked to record", own.SpanContext())
	}
	caller := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, theirs := otel.Tracer("").Start(trace.ContextWithRemoteSpanContext(t.Context(), caller), "PUT")
	if got := theirs.SpanContext(); got.TraceID() != caller.TraceID() || !got.IsSampled() {
		t.Errorf("a trace that the caller records is %v here", got)
	}
}

// The collector accepts connections and says nothing: the worst that can happen to who sends to it.
func TestACollectorThatHangsHoldsNothingUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	begun := time.Now()
	stop, err := Start(t.Context(), "http://"+listener.Addr().String())
	must(t, err)
	for range 10_000 { // more than wait for the collector at a time
		_, span := otel.Tracer("").Start(t.Context(), "PUT")
		span.End()
	}
	if took := time.Since(begun); took > flushTimeout {
		t.Errorf("the spans took %s", took)
	}
	stop()
	if took := time.Since(begun); took > 2*flushTimeout {
		t.Errorf("the end took %s", took)
	}
}

func TestAnEndpointThatIsNoURLIsRefused(t *testing.T) {
	for _, endpoint := range []string{"collector:4317", "collector", "http://", "grpc://collector:4317", "http://a b"} {
		if _, err := Start(t.Context(), endpoint); err == nil || !strings.Contains(err.Error(), "--otlp-endpoint") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func traceID(span trace.Span) string {
	id := span.SpanContext().TraceID()
	return string(id[:])
}

func attribute(attributes []*commonv1.KeyValue, key string) string {
	for _, a := range attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
