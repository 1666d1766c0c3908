package trail

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
)

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func contactWith(requestID, traceparent string) *v1alpha1.Contact {
	contact := &v1alpha1.Contact{}
	contact.Annotations = map[string]string{
		v1alpha1.DocumentRequestIDAnnotation: requestID, v1alpha1.DocumentTraceparentAnnotation: traceparent,
	}
	return contact
}

func TestWorkOnAContactGoesOnWithTheTrailOfItsDocument(t *testing.T) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	var logged bytes.Buffer
	ctx := logf.IntoContext(t.Context(), funcr.New(func(_, line string) { logged.WriteString(line) }, funcr.Options{}))
	ctx, span := Resume(ctx, contactWith("order-4711", "00-"+traceID+"-00f067aa0ba902b7-00"), "reconcile Contact")
	defer span.End()

	header := http.Header{}
	Inject(ctx, header)
	want := http.Header{
		"X-Request-Id": {"order-4711"},
		"Traceparent":  {"00-" + traceID + "-" + span.SpanContext().SpanID().String() + "-00"},
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("a call to the LMS has these headers (-want +got):\n%s", diff)
	}
	logf.FromContext(ctx).Info("State changed")
	for _, value := range []string{`"requestID"="order-4711"`, `"traceID"="` + traceID + `"`} {
		if !strings.Contains(logged.String(), value) {
			t.Errorf("%s is not in the log: %s", value, &logged)
		}
	}
}

func TestWhatIsNoTrailIsNotGoneOnWith(t *testing.T) {
	// Anybody with the right to annotate a Contact can write these.
	ctx, span := Resume(t.Context(), contactWith("a\r\nAuthorization: x", "00-joe@acme.com"), "reconcile Contact")
	defer span.End()
	if id := RequestID(ctx); id != "" {
		t.Errorf("the request ID is %q", id)
	}
	header := http.Header{}
	Inject(ctx, header)
	if len(header) > 0 {
		t.Errorf("a call that no document causes has the headers %v", header)
	}
}
