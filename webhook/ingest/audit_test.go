package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// audit gives the lines of the audit of one contact, or of the requests that have an ID.
func (d *door) audit(key, value string) []string {
	var found []string
	for line := range strings.Lines(d.logs.all()) {
		if strings.HasPrefix(line, "ingest/audit ") && strings.Contains(line, fmt.Sprintf("%q=%q", key, value)) {
			found = append(found, line)
		}
	}
	return found
}

// auditPairs are what a line of the audit says, with what differs in each run left out.
func auditPairs(line string) map[string]string {
	pairs := map[string]string{}
	for _, pair := range regexp.MustCompile(`"(\w+)"=("[^"]*"|\S+)`).FindAllStringSubmatch(line, -1) {
		pairs[pair[1]] = strings.Trim(pair[2], `"`)
	}
	for _, key := range []string{"level", "msg"} {
		delete(pairs, key)
	}
	return pairs
}

func TestEveryDocumentLeavesALineInTheAudit(t *testing.T) {
	d := open(t)
	d.course("1234A")
	caller := "system:serviceaccount:" + d.namespace + ":writer"
	reader, nobody := d.issue("reader"), "nonsense"
	d.putWith("numbered", learner("numbered", "Nora"), "Document-Revision", "5")
	tagOf := func(id string) string { return strings.Trim(d.get(id).header.Get("ETag"), `"`) }

	put := func(contactID, body string) request {
		return request{method: http.MethodPut, path: pathOf(contactID), body: body}
	}
	for id, test := range map[string]struct {
		request
		change func(*request)
		want   map[string]string
	}{
		"created":   {put("anna", learner("anna", "Anna")), nil, map[string]string{"contactID": "anna", "outcome": "created", "status": "201"}},
		"conflict":  {put("000123", joe("1234A", "9999Z")), nil, map[string]string{"contactID": "000123", "outcome": "conflict", "status": "409"}},
		"unchanged": {put("numbered", learner("numbered", "Nora")), nil, map[string]string{"contactID": "numbered", "outcome": "unchanged", "status": "200"}},
		"rehearsed": {put("berta", learner("berta", "Berta")), func(r *request) { r.path += "?dryRun=All" },
			map[string]string{"contactID": "berta", "outcome": "created", "status": "201", "dryRun": "true"}},
		"outdated": {put("numbered", learner("numbered", "Olga")), func(r *request) { r.header.Set("Document-Revision", "4") },
			map[string]string{"contactID": "numbered", "outcome": "revision-outdated", "status": "412", "revision": "4"}},
		"stale": {put("numbered", learner("numbered", "Olga")), func(r *request) { r.header.Set("If-Match", `"abc"`) },
			map[string]string{"contactID": "numbered", "outcome": "precondition-failed", "status": "412"}},
		"invalid": {put("000124", joe("000123", "000124", "2018-09-30", "2017-09-30")), nil, map[string]string{"contactID": "000124", "outcome": "attribute-invalid", "status": "403"}},
		"syntax":  {put("000124", "{"), nil, map[string]string{"contactID": "000124", "outcome": "not-json", "status": "400"}},
		"type": {put("000124", joe()), func(r *request) { r.header.Set("Content-Type", "text/plain") },
			map[string]string{"contactID": "000124", "outcome": "unsupported-media-type", "status": "415"}},
		"foreign":   {put("joe@acme.com", joe()), nil, map[string]string{"outcome": "attribute-invalid", "status": "403"}},
		"forbidden": {put("000124", joe()), func(r *request) { r.token = &reader }, map[string]string{"contactID": "000124", "outcome": "forbidden", "status": "403"}},
		"unknown":   {put("000124", joe()), func(r *request) { r.token = &nobody }, map[string]string{"contactID": "000124", "outcome": "unauthenticated", "status": "401"}},
	} {
		t.Run(id, func(t *testing.T) {
			const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
			sent := test.request
			sent.header = http.Header{"X-Request-Id": {id}, "Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}}
			if test.change != nil {
				test.change(&sent)
			}
			counter := documentsTotal.WithLabelValues(test.want["outcome"])
			before := testutil.ToFloat64(counter)
			d.send(sent)

			want := test.want
			want["requestID"], want["traceID"], want["caller"] = id, trace, caller
			switch id {
			case "forbidden":
				want["caller"] = "system:serviceaccount:" + d.namespace + ":reader"
			case "unknown":
				want["caller"] = ""
			case "created", "conflict", "unchanged":
				want["digest"], want["stored"] = tagOf(want["contactID"]), "true"
			}
			eventually(t, "there is a line in the audit", func() bool { return len(d.audit("requestID", id)) > 0 })
			lines := d.audit("requestID", id)
			got := auditPairs(lines[0])
			if id == "rehearsed" || id == "outdated" || id == "stale" { // what was sent is not what is stored
				if len(got["digest"]) != 64 || got["digest"] == tagOf("numbered") {
					t.Errorf("the digest is %q", got["digest"])
				}
				delete(got, "digest")
			}
			if diff := cmp.Diff(want, got); diff != "" || len(lines) != 1 {
				t.Errorf("the audit has %d lines, and the first says (-want +got):\n%s", len(lines), diff)
			}
			counted := 1.0
			if id == "rehearsed" {
				counted = 0
			}
			if got := testutil.ToFloat64(counter) - before; got != counted {
				t.Errorf("%s was counted %v times", test.want["outcome"], got)
			}
		})
	}
}

// blind stores, and then cannot look up what the document disagrees with.
type blind struct{ client.Client }

func (blind) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("blind")
}

func TestTheAuditTellsWhatIsStoredWithoutBeingAcknowledged(t *testing.T) {
	d := open(t).replica(func(c client.Client) client.Client { return blind{c} })
	if a := d.put("anna", learner("anna", "Anna")); a.status != http.StatusServiceUnavailable {
		t.Errorf("PUT = %d %s, want 503", a.status, a.body)
	}
	d.contact("anna")
	eventually(t, "there is a line in the audit", func() bool { return len(d.audit("contactID", "anna")) > 0 })
	if said := auditPairs(d.audit("contactID", "anna")[0]); said["outcome"] != "unavailable" || said["stored"] != "true" {
		t.Errorf("the audit says %v, want unavailable and stored", said)
	}
}

func TestReadingLeavesNoLineInTheAudit(t *testing.T) {
	d := open(t)
	d.put("anna", learner("anna", "Anna"))
	d.get("anna")
	eventually(t, "the document is in the audit", func() bool { return len(d.audit("contactID", "anna")) > 0 })
	if got := d.audit("contactID", "anna"); len(got) != 1 {
		t.Errorf("the audit has these lines: %v", got)
	}
}
