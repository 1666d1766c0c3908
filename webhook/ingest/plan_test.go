package ingest

import (
	"maps"
	"net/http"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// rehearse sends a document in a dry run and sees to it that nothing is stored.
func (d *door) rehearse(contactID, body string, pairs ...string) answer {
	d.t.Helper()
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	before := d.versions()
	a := d.send(request{method: http.MethodPut, path: pathOf(contactID) + "?dryRun=All", body: body, header: header})
	if diff := cmp.Diff(before, d.versions()); diff != "" {
		d.t.Errorf("a dry run of %s changed what is stored (-before +after):\n%s", contactID, diff)
	}
	return a
}

// versions gives the resource versions of the Contacts by their names.
func (d *door) versions() map[string]string {
	d.t.Helper()
	var list v1alpha1.ContactList
	must(d.t, d.admin.List(d.t.Context(), &list, client.InNamespace(d.namespace)))
	versions := map[string]string{}
	for _, c := range list.Items {
		versions[c.Name] = c.ResourceVersion
	}
	return versions
}

// planned reads the plan in an answer.
func (a answer) planned(t testing.TB) *plan {
	t.Helper()
	var read struct{ Plan *plan }
	must(t, json.Unmarshal([]byte(a.body), &read))
	return read.Plan
}

func TestADryRunIsAnsweredAsTheRequestItselfWouldBe(t *testing.T) {
	d := open(t)
	d.course("1234A")
	d.put("anna", learner("anna", "Anna"))
	d.putWith("numbered", learner("numbered", "Nora"), "Document-Revision", "5")
	tag := d.get("numbered").header.Get("ETag")

	for name, test := range map[string]struct {
		contactID, body string
		headers         []string
	}{
		"new":                     {"000123", joe(), nil},
		"unchanged":               {"anna", learner("anna", "Anna"), nil},
		"replaced":                {"anna", learner("anna", "Berta"), nil},
		"an unknown course":       {"carla", joe("000123", "carla", "1234A", "9999Z", "joe.smith", "carla"), nil},
		"a taken e-mail address":  {"dora", joe("000123", "dora", "joe.smith", "Anna"), nil},
		"a wrong attribute":       {"000123", joe("2018-09-30", "2017-09-30"), nil},
		"not JSON":                {"000123", `{`, nil},
		"a stale write":           {"numbered", learner("numbered", "Anna"), []string{"If-Match", `"abc"`}},
		"a write that is not":     {"numbered", learner("numbered", "Anna"), []string{"If-Match", tag}},
		"a document that is new":  {"numbered", learner("numbered", "Anna"), []string{"If-None-Match", "*"}},
		"a lower revision":        {"numbered", learner("numbered", "Anna"), []string{"Document-Revision", "4"}},
		"the same revision":       {"numbered", learner("numbered", "Olga"), []string{"Document-Revision", "5"}},
		"a revision of no number": {"numbered", learner("numbered", "Olga"), []string{"Document-Revision", "five"}},
	} {
		t.Run(name, func(t *testing.T) {
			rehearsed := d.rehearse(test.contactID, test.body, test.headers...)
			var before *v1alpha1.Contact
			if _, stored := d.versions()[test.contactID]; stored {
				before = d.contact(test.contactID)
			}
			sent := d.putWith(test.contactID, test.body, test.headers...)
			if rehearsed.status != sent.status {
				t.Errorf("dry run = %d %s, the request itself = %d %s", rehearsed.status, rehearsed.body, sent.status, sent.body)
			}
			if sent.status >= 400 {
				got, want := rehearsed.problem(t), sent.problem(t)
				delete(got.Extensions, "Plan")
				if diff := cmp.Diff(want.Errors, got.Errors); diff != "" || got.Type != want.Type {
					t.Errorf("the dry run's problem is %s with the errors (-want +got):\n%s", got.Type, diff)
				}
			}
			if stores := sent.status < 400 || sent.problem(t).Type == "/problems/conflict"; stores != (rehearsed.planned(t) != nil) {
				t.Errorf("the dry run of a request that is answered %d has the body %s", sent.status, rehearsed.body)
			}
			if before != nil { // each case finds what the first lines stored
				after := d.contact(test.contactID)
				after.Spec, after.Annotations = before.Spec, maps.Clone(before.Annotations)
				must(t, d.admin.Update(t.Context(), after))
				d.seen(after)
			}
		})
	}
}

// A dry run that is asked for in a wrong way must not store.
func TestAQueryThatIsNotUnderstoodIsRefused(t *testing.T) {
	d := open(t)
	for _, query := range []string{"dryRun=all", "dryRun=", "dryRun", "dryRun=true", "dryRun=All&dryRun=All", "dryrun=All", "dryRun=All;pretty=true",
		"dryRun=All%", "dryRun%3DAll", "dry-run=All", "dryRun=All&pretty=true", "%ff=1"} {
		a := d.send(request{method: http.MethodPut, path: pathOf("anna") + "?" + query, body: learner("anna", "Anna")})
		if p := a.problem(t); a.status != http.StatusBadRequest || p.Errors[0].Parameter != "dryRun" {
			t.Errorf("?%s = %d %s, want 400", query, a.status, a.body)
		}
	}
	if stored := d.versions(); len(stored) > 0 {
		t.Errorf("%v is stored", stored)
	}
}

func TestADryRunIsJudgedByTheAPIServerToo(t *testing.T) {
	d := open(t)
	calls := d.wire.during(func() { d.rehearse("000123", learner("000123", "Anna")) })
	if calls["POST contacts"] != 1 {
		t.Errorf("calls to the API server: %v, want one creation that is only tried", calls)
	}
}

func TestADryRunSaysWhatWouldChange(t *testing.T) {
	d := open(t)
	for _, code := range []string{"A", "B", "C", "D"} {
		d.course(code)
	}
	enrollment := func(code, start, end string) string {
		if end != "" {
			end = `, "AccessEndDate": "` + end + `"`
		}
		return `{"CourseCode": "` + code + `", "AccessStartDate": "` + start + `"` + end + `}`
	}
	document := func(first, email, enrollments string) string {
		return `{"Contact": {"ContactID": "joe", "FirstName": "` + first + `", "LastName": "Smith", "Email": "` + email + `", "Enrollments": [` + enrollments + `]}}`
	}
	if diff := cmp.Diff(&plan{Changes: []change{{Pointer: "/Contact", Change: added}}, Withdrawals: []withdrawal{}},
		d.rehearse("joe", document("Joe", "joe@acme.com", "")).planned(t)); diff != "" {
		t.Errorf("the plan of a new document (-want +got):\n%s", diff)
	}
	d.put("joe", document("Joe", "joe@acme.com",
		enrollment("A", "2020-01-01", "2020-12-31")+","+enrollment("B", "2020-01-01", "")+","+enrollment("C", "2020-01-01", "2020-12-31")))

	got := d.rehearse("joe", document("Joseph", "joseph@acme.com",
		enrollment("D", "2020-01-01", "")+","+enrollment("C", "2020-02-01", "")+","+enrollment("B", "2020-01-01", "2020-12-31"))).planned(t)
	want := &plan{Changes: []change{
		{Pointer: "/Contact/FirstName", Change: changed},
		{Pointer: "/Contact/Email", Change: changed},
		{Pointer: "/Contact/Enrollments/0", CourseCode: "D", Change: added},
		{Pointer: "/Contact/Enrollments/1/AccessStartDate", CourseCode: "C", Change: changed},
		{Pointer: "/Contact/Enrollments/1/AccessEndDate", CourseCode: "C", Change: dropped},
		{Pointer: "/Contact/Enrollments/2/AccessEndDate", CourseCode: "B", Change: added},
		{Pointer: "/Contact/Enrollments/0", CourseCode: "A", Change: dropped},
	}, Withdrawals: []withdrawal{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	if same := d.rehearse("joe", document("Joe", "joe@acme.com", enrollment("A", "2020-01-01", "2020-12-31")+","+enrollment("B", "2020-01-01", "")+
		","+enrollment("C", "2020-01-01", "2020-12-31"))).planned(t); len(same.Changes) > 0 {
		t.Errorf("the plan of the stored document is %+v", same)
	}
}
