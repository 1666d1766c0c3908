package ingest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"rollcall.dev/rollcall/webhook/problem"
)

const bulkPath = "/gk/api/contacts/"

// bulkRequest is a bulk request with some headers, given in pairs of name and value.
func bulkRequest(body string, pairs ...string) request {
	header := http.Header{"Content-Type": {"application/x-ndjson"}}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return request{method: http.MethodPost, path: bulkPath, body: body, header: header}
}

// bulk sends lines and gives the verdicts.
func (d *door) bulk(body string, pairs ...string) []verdict {
	d.t.Helper()
	return verdicts(d.t, d.send(bulkRequest(body, pairs...)))
}

func verdicts(t testing.TB, a answer) (found []verdict) {
	t.Helper()
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("POST = %d %s %s, want 200 with lines", a.status, a.header.Get("Content-Type"), a.body)
	}
	for line := range strings.Lines(a.body) {
		found = append(found, verdictIn(t, line))
	}
	return found
}

func verdictIn(t testing.TB, line string) (found verdict) {
	t.Helper()
	if !strings.HasSuffix(line, "}\n") {
		t.Fatalf("%q is no line of JSON", line)
	}
	must(t, json.Unmarshal([]byte(line), &found, json.RejectUnknownMembers(true)))
	return found
}

// statuses gives "line status" of each verdict.
func statuses(verdicts []verdict) (found []string) {
	for _, v := range verdicts {
		found = append(found, fmt.Sprint(v.Line, " ", v.Status))
	}
	return found
}

func wantStatuses(t testing.TB, got []verdict, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, statuses(got)); diff != "" {
		t.Errorf("lines and statuses (-want +got):\n%s", diff)
	}
}

// oneLine writes a document in one line.
func oneLine(document string) string { return strings.ReplaceAll(document, "\n", " ") }

// withRevision puts a revision, or whatever stands for it, beside a document.
func withRevision(revision, document string) string {
	return `{"DocumentRevision": ` + revision + `, ` + strings.TrimPrefix(document, "{")
}

// Whatever a document is answered with, it is answered so in a line, too.
func TestALineIsAnsweredLikeItsPUT(t *testing.T) {
	type sent struct{ name, body, revision string }
	var all []sent
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		// What is blank is no line, and there is no URL to differ from.
		if r := refusals[name]; strings.TrimSpace(r.body) != "" && !slices.Equal(r.errors, []string{"/Contact/ContactID Inconsistent"}) {
			all = append(all, sent{name, r.body, ""})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(accepted)) {
		all = append(all, sent{name, accepted[name], ""}, sent{name + ", again", accepted[name], ""})
	}
	all = append(all,
		sent{"no conflict", joe(), ""},
		sent{"conflict", joe("1234A", "9999Z"), ""},
		sent{"first revision", joe(), "7"},
		sent{"same revision", joe(), "7"},
		sent{"revision of another document", joe("Joe", "Joseph"), "7"},
		sent{"outdated", joe("Joe", "Joseph"), "6"},
		sent{"highest revision", joe("Joe", "Joseph"), "9223372036854775807"},
		sent{"revision too high", joe(), "9223372036854775808"},
		sent{"negative revision", joe(), "-1"},
		sent{"revision with a fraction", joe(), "1.0"},
		sent{"too long", joe() + strings.Repeat(" ", int(DefaultLimits().DocumentBytes)), ""},
	)
	singly, together := open(t), open(t)
	singly.course("1234A")
	together.course("1234A")

	var lines strings.Builder
	for _, s := range all {
		body := oneLine(s.body)
		if s.revision != "" {
			body = withRevision(s.revision, body)
		}
		lines.WriteString(body + "\n")
	}
	for _, rehearsal := range []bool{true, false} {
		query := map[bool]string{true: "?dryRun=All"}[rehearsal]
		r := bulkRequest(lines.String())
		r.path += query
		got := verdicts(t, together.send(r))
		if len(got) != len(all) {
			t.Fatalf("%d verdicts on %d lines", len(got), len(all))
		}
		for i, s := range all {
			r := request{method: http.MethodPut, path: pathOf("000123") + query, body: oneLine(s.body), header: http.Header{}}
			if s.revision != "" {
				r.header.Set("Document-Revision", s.revision)
			}
			a := singly.send(r)
			want := verdict{Line: int64(i + 1), ContactID: got[i].ContactID, Status: a.status}
			if a.status >= 300 {
				want.refuse(new(a.problem(t)))
			}
			var answered struct{ Plan *plan }
			must(t, json.Unmarshal([]byte(a.body), &answered))
			want.Plan = answered.Plan
			if got[i].ContactID != "000123" && want.Status < 300 {
				t.Errorf("%s: the contact ID is %q", s.name, got[i].ContactID)
			}
			if strings.HasPrefix(s.name, "too long") { // the body of the one is a line of the other
				want.Detail = strings.ReplaceAll(want.Detail, "body", "line")
			}
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Errorf("%s (dry run: %v) (-PUT +line):\n%s", s.name, rehearsal, diff)
			}
		}
	}
}

func TestAnswersComeInTheOrderOfTheLines(t *testing.T) {
	d := open(t)
	const count = 300
	var lines strings.Builder
	var want []string
	for i := range count {
		switch i % 3 {
		case 0:
			lines.WriteString(learner(fmt.Sprint("order-", i), "Jane") + "\n")
			want = append(want, fmt.Sprint(i+1, " 201"))
		case 1:
			lines.WriteString("{\r\n")
			want = append(want, fmt.Sprint(i+1, " 400"))
		default:
			lines.WriteString(" \t\r\n")
		}
	}
	wantStatuses(t, d.bulk(lines.String()), want...)
	for i := 0; i < count; i += 3 {
		d.contact(fmt.Sprint("order-", i))
	}
}

func TestTheLastLineOfAContactIsTheOneInForce(t *testing.T) {
	d := open(t)
	const contacts, rounds = 5, 40
	var lines strings.Builder
	for round := range rounds {
		for i := range contacts {
			lines.WriteString(learner(fmt.Sprint("again-", i), fmt.Sprint("Jane ", round)) + "\n")
		}
	}
	for i, v := range d.bulk(lines.String()) {
		if want := map[bool]int{true: 201, false: 200}[i < contacts]; v.Status != want {
			t.Errorf("line %d = %d, want %d", v.Line, v.Status, want)
		}
	}
	for i := range contacts {
		if got, want := d.contact(fmt.Sprint("again-", i)).Spec.FirstName, fmt.Sprint("Jane ", rounds-1); got != want {
			t.Errorf("%s is stored, want %s", got, want)
		}
	}
}

func TestABadLineStopsNoOther(t *testing.T) {
	d := open(t)
	good := func(i int) string { return learner(fmt.Sprint("good-", i), "Jane") }
	got := d.bulk(strings.Join([]string{
		good(1), "no JSON", good(3), "", `{"Contact": {"ContactID": "known", "FirstName": 1}}`,
		strings.Repeat(" ", int(DefaultLimits().DocumentBytes)) + good(6), good(7),
		`{"Contact": {"ContactID": "not a code"}}`, `{"Contact": {"ContactID": "` + strings.Repeat("x", 1000) + `"}}`,
		withRevision("-1", good(10)), withRevision("null", good(11)), withRevision("3", good(12)),
	}, "\n"))
	wantStatuses(t, got, "1 201", "2 400", "3 201", "5 403", "6 413", "7 201", "8 403", "9 403", "10 400", "11 403", "12 201")
	var ids []string
	for _, v := range got {
		ids = append(ids, v.ContactID)
	}
	if diff := cmp.Diff([]string{"good-1", "", "good-3", "known", "", "good-7", "", "", "good-10", "good-11", "good-12"}, ids); diff != "" {
		t.Errorf("contact IDs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]problem.Error{{Pointer: "/DocumentRevision", Reason: "Malformed",
		Detail: "This must be one whole number from 0 to 9223372036854775807."}}, got[8].Errors); diff != "" {
		t.Errorf("errors of a revision (-want +got):\n%s", diff)
	}
	eventually(t, "the audit has that line", func() bool { return len(d.audit("contactID", "good-10")) > 0 })
	if said := auditPairs(d.audit("contactID", "good-10")[0]); said["outcome"] != "bad-request" || said["revision"] != "" {
		t.Errorf("the audit says of a malformed revision: %v", said)
	}
	if got := d.get("good-12").header.Get("Document-Revision"); got != "3" {
		t.Errorf("revision %q is stored, want 3", got)
	}
}

func TestBulkIsAnsweredByItsHeaderFirst(t *testing.T) {
	d := open(t)
	line := learner("header", "Jane")
	r := func(pairs ...string) request { return bulkRequest(line, pairs...) }
	with := func(r request, change func(*request)) request { change(&r); return r }
	for name, test := range map[string]struct {
		request request
		status  int
		kind    string
		allow   string
	}{
		"no token":             {with(r(), func(r *request) { r.token = new("") }), 401, "unauthenticated", ""},
		"a bad token":          {with(r(), func(r *request) { r.token = new("aaaa") }), 401, "unauthenticated", ""},
		"JSON":                 {with(r(), func(r *request) { r.header.Set("Content-Type", "application/json") }), 415, "unsupported-media-type", ""},
		"another charset":      {with(r(), func(r *request) { r.header.Set("Content-Type", "application/x-ndjson; charset=latin1") }), 415, "unsupported-media-type", ""},
		"compressed otherwise": {r("Content-Encoding", "br"), 415, "unsupported-media-type", ""},
		"compressed twice":     {r("Content-Encoding", "gzip", "Content-Encoding", "gzip"), 415, "unsupported-media-type", ""},
		"If-Match":             {r("If-Match", `"abc"`), 400, "bad-request", ""},
		"If-None-Match":        {r("If-None-Match", "*"), 400, "bad-request", ""},
		"a revision":           {r("Document-Revision", "1"), 400, "bad-request", ""},
		"another dry run":      {with(r(), func(r *request) { r.path += "?dryRun=true" }), 400, "bad-request", ""},
		"GET":                  {with(r(), func(r *request) { r.method = http.MethodGet }), 405, "method-not-allowed", "POST"},
		"PUT":                  {with(r(), func(r *request) { r.method = http.MethodPut }), 405, "method-not-allowed", "POST"},
		"no slash":             {with(r(), func(r *request) { r.path = "/gk/api/contacts" }), 404, "not-found", ""},
	} {
		a := d.send(test.request)
		if a.status != test.status || a.problem(t).Type != "/problems/"+test.kind || a.header.Get("Allow") != test.allow {
			t.Errorf("%s: %d %v %s, want %d %s", name, a.status, a.header, a.body, test.status, test.kind)
		}
	}
	if a := d.get("header"); a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s, want that nothing was stored", a.status, a.body)
	}
}

func TestAccessToEachLineIsWhatRBACSays(t *testing.T) {
	d := open(t)
	document := func(names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: []string{"update"}, ResourceNames: names}
	}
	lines := learner("mine", "Jane") + "\n" + learner("yours", "Jane") + "\n{\n"
	before := metric(t, "forbidden")
	for name, test := range map[string]struct {
		token string
		want  []string
	}{
		"nobody":   {d.issue("nobody"), []string{"1 403", "2 403", "3 400"}},
		"narrow":   {d.issue("narrow", document("mine")), []string{"1 201", "2 403", "3 400"}},
		"may read": {d.issue("reader", rbacv1.PolicyRule{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: []string{"get"}}), []string{"1 403", "2 403", "3 400"}},
	} {
		r := bulkRequest(lines)
		r.token = &test.token
		got := verdicts(t, d.send(r))
		wantStatuses(t, got, test.want...)
		if got[1].Type != "/problems/forbidden" || got[1].ContactID != "yours" {
			t.Errorf("%s: the second line is answered with %+v", name, got[1])
		}
	}
	if got := metric(t, "forbidden") - before; got != 5 {
		t.Errorf("%v lines were counted as forbidden, want 5", got)
	}
	calls := d.wire.during(func() {
		d.bulk(learner("a", "Jane") + "\n" + learner("b", "Jane") + "\n" + learner("c", "Jane") + "\n")
	})
	if diff := cmp.Diff(map[string]int{"POST tokenreviews": 1, "POST subjectaccessreviews": 1, "POST contacts": 3}, calls); diff != "" {
		t.Errorf("calls to the API server (-want +got):\n%s", diff)
	}
}

func TestADryRunOfManyStoresNothing(t *testing.T) {
	d := open(t)
	d.put("known", learner("known", "Jane"))
	r := bulkRequest(learner("known", "Joan") + "\n" + learner("new", "Jane") + "\n")
	r.path += "?dryRun=All"
	got := verdicts(t, d.send(r))
	wantStatuses(t, got, "1 200", "2 201")
	if diff := cmp.Diff(&plan{Changes: []change{{Pointer: "/Contact/FirstName", Change: changed}}, Withdrawals: []withdrawal{}}, got[0].Plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if a := d.get("new"); a.status != http.StatusNotFound || d.contact("known").Spec.FirstName != "Jane" {
		t.Errorf("something was stored: %d %s", a.status, a.body)
	}
}

func TestTheAuditTellsDryRunsApartAlsoWhenALineIsNoDocument(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.DocumentBytes = 300 })
	r := bulkRequest(learner("anna", "Anna") + "\n{\n" + strings.Repeat(" ", 300) + "{}\n")
	r.path += "?dryRun=All"
	r.header.Set("X-Request-Id", "rehearsal")
	wantStatuses(t, verdicts(t, d.send(r)), "1 201", "2 400", "3 413")
	lines := d.audit("requestID", "rehearsal")
	for _, line := range lines {
		if auditPairs(line)["dryRun"] != "true" {
			t.Errorf("this line does not say that it was a dry run: %s", line)
		}
	}
	if len(lines) != 3 {
		t.Errorf("the audit has %d lines, want 3", len(lines))
	}
}

func TestEveryLineLeavesALineInTheAudit(t *testing.T) {
	d := open(t)
	d.bulk(withRevision("7", learner("anna", "Anna"))+"\n\n{\n"+learner("berta", "<Berta>")+"\n"+withRevision("6", learner("anna", "Olga")), "X-Request-Id", "many")
	var got []map[string]string
	for _, line := range d.audit("requestID", "many") {
		pairs := auditPairs(line)
		delete(pairs, "traceID")
		delete(pairs, "digest")
		got = append(got, pairs)
	}
	slices.SortFunc(got, func(a, b map[string]string) int { return strings.Compare(a["outcome"], b["outcome"]) })
	caller := "system:serviceaccount:" + d.namespace + ":writer"
	if diff := cmp.Diff([]map[string]string{
		{"requestID": "many", "caller": caller, "outcome": "attribute-invalid", "status": "403", "contactID": "berta"},
		{"requestID": "many", "caller": caller, "outcome": "created", "status": "201", "contactID": "anna", "revision": "7", "stored": "true"},
		{"requestID": "many", "caller": caller, "outcome": "not-json", "status": "400"},
		{"requestID": "many", "caller": caller, "outcome": "revision-outdated", "status": "412", "contactID": "anna", "revision": "6"},
	}, got); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
}
