package ingest

import (
	"net/http"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// metric gives how many callers were refused for a reason.
func metric(t testing.TB, reason string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != "rollcall_ingest_refused_total" {
			continue
		}
		for _, series := range family.GetMetric() {
			if series.GetLabel()[0].GetValue() == reason {
				return series.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("nothing counts refusals for the reason %s", reason)
	return 0
}

func TestARefusedCallerIsCountedAndLoggedWithoutTheCredential(t *testing.T) {
	d := open(t)
	stranger := d.issue("stranger")
	for reason, token := range map[string]string{"unauthenticated": "not-a-token", "forbidden": stranger} {
		before := metric(t, reason)
		d.send(request{method: http.MethodPut, path: pathOf("000123"), body: learner("000123", "Jane"), token: &token})
		if got := metric(t, reason) - before; got != 1 {
			t.Errorf("%v were counted as %s, want 1", got, reason)
		}
		var lines []string
		for line := range strings.Lines(d.logs.all()) {
			if strings.Contains(line, "Refused a caller") && strings.Contains(line, `"`+reason+`"`) {
				lines = append(lines, line)
			}
		}
		if len(lines) != 1 {
			t.Fatalf("%d lines about %s, want 1", len(lines), reason)
		}
		for _, want := range []string{`"remote"="127.0.0.1"`, `"method"="PUT"`, `"route"="/gk/api/contacts/{contactID}/enrollments/"`} {
			if !strings.Contains(lines[0], want) {
				t.Errorf("the line has no %s: %s", want, lines[0])
			}
		}
	}
	for _, secret := range []string{"not-a-token", stranger} {
		if strings.Contains(d.logs.all(), secret) {
			t.Errorf("%.20q is in the log", secret)
		}
	}
}

func TestWhatIsWrongInADocumentIsNoRefusalOfItsCaller(t *testing.T) {
	d := open(t)
	before := metric(t, "forbidden")
	if a := d.put("000123", "{}"); a.status != http.StatusForbidden {
		t.Fatalf("PUT = %d %s, want 403", a.status, a.body)
	}
	if got := metric(t, "forbidden") - before; got != 0 || strings.Contains(d.logs.all(), "Refused a caller") {
		t.Errorf("%v were counted as forbidden, and logged: %s", got, d.logs.all())
	}
}

func TestAFloodOfRefusalsDoesNotFillTheLog(t *testing.T) {
	d := open(t)
	const flood = 3 * refusalLinesBurst
	for range flood {
		d.send(request{method: http.MethodPut, path: pathOf("000123"), token: new("")})
	}
	if lines := len(d.audit("outcome", "unauthenticated")); lines < refusalLinesBurst || lines >= flood {
		t.Errorf("%d lines in the audit for %d refusals", lines, flood)
	}
	if lines := strings.Count(d.logs.all(), "Refused a caller"); lines < refusalLinesBurst || lines >= flood {
		t.Errorf("%d lines for %d refusals", lines, flood)
	}
}
