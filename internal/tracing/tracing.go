// Package tracing sets OpenTelemetry up for the process: every request gets a trace, and a collector gets the spans if one
// is configured.
package tracing

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	ctrl "sigs.k8s.io/controller-runtime"
)

// flushTimeout is how long the end of the process waits for a collector to take the last spans.
const flushTimeout = 5 * time.Second

// Start makes the tracer provider that the whole process uses. The endpoint is the URL of an OTLP collector that speaks
// gRPC, such as http://collector:4317 (https for TLS); empty exports nothing. The rest is for the standard variables OTEL_*:
// headers, certificates, time-outs, sampling, resource attributes. A collector that does not answer holds nothing up: what it
// does not take is dropped. stop sends what is left, as far as that takes a moment. An error means that the endpoint, or a
// variable, is malformed.
func Start(ctx context.Context, endpoint string) (stop func(), err error) {
	if endpoint == "" {
		// There is a trace ID all the same. Whether others record the trace is left to who began it.
		otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample()))))
		return func() {}, nil
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return nil, fmt.Errorf("--otlp-endpoint is %q; it must be a URL such as http://collector:4317", endpoint)
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(endpoint))
	if err != nil {
		return nil, fmt.Errorf("cannot export traces: %w", err)
	}
	// Later ones win: the name of the service is for the environment to change.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName("rollcall")), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("cannot read the resource attributes of traces: %w", err)
	}
	report := func(err error) { ctrl.Log.WithName("tracing").Info("Cannot export traces", "reason", err.Error()) }
	otel.SetErrorHandler(otel.ErrorHandlerFunc(report))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	otel.SetTracerProvider(provider)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			report(err)
		}
	}, nil
}
