package ingest

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/doors"
)

// putWith sends a document with some headers, given in pairs of name and value.
func (d *door) putWith(contactID, body string, pairs ...string) answer {
	d.t.Helper()
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return d.send(request{method: http.MethodPut, path: pathOf(contactID), body: body, header: header})
}

func TestEveryAnswerAboutAStoredDocumentNamesIt(t *testing.T) {
	d := open(t)
	anna := d.put("anna", learner("anna", "Anna"))
	tag := anna.header.Get("ETag")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		t.Fatalf("ETag = %q, want a strong one", tag)
	}
	for name, a := range map[string]answer{"PUT again": d.put("anna", learner("anna", "Anna")), "GET": d.get("anna")} {
		if got := a.header.Get("ETag"); got != tag {
			t.Errorf("%s: ETag = %s, want %s", name, got, tag)
		}
	}
	replaced := d.put("anna", learner("anna", "Berta")).header.Get("ETag")
	if replaced == tag {
		t.Error("another document has the same ETag")
	}
	if back := d.put("anna", learner("anna", "Anna")).header.Get("ETag"); back != tag {
		t.Errorf("the first document again has ETag %s, want %s", back, tag)
	}
	conflicting := d.put("joe", joe("000123", "joe")) // there is no such course
	if got := d.get("joe").header.Get("ETag"); conflicting.status != http.StatusConflict || conflicting.header.Get("ETag") != got {
		t.Errorf("PUT with a conflict = %d with ETag %s, want 409 with %s", conflicting.status, conflicting.header.Get("ETag"), got)
	}
	if got := d.put("joe", joe("000123", "joe", "1234A", "")).header.Get("ETag"); got != "" {
		t.Errorf("a document that is refused has ETag %s", got)
	}
}

func TestPreconditions(t *testing.T) {
	d := open(t)
	d.put("anna", learner("anna", "Anna"))
	current := d.get("anna").header.Get("ETag")
	d.put("other", learner("other", "Olga"))
	stale := d.get("other").header.Get("ETag")

	for name, test := range map[string]struct {
		contactID, header, value string
		status                   int
	}{
		"If-Match names the stored document":              {"anna", "If-Match", current, 200},
		"If-Match lists the stored document":              {"anna", "If-Match", stale + ` , ` + current, 200},
		"If-Match any":                                    {"anna", "If-Match", "*", 200},
		"If-Match names another document":                 {"anna", "If-Match", stale, 412},
		"If-Match takes no weak tags":                     {"anna", "If-Match", "W/" + current, 412},
		"If-Match and nothing is stored":                  {"nobody", "If-Match", current, 412},
		"If-Match any and nothing is stored":              {"nobody", "If-Match", "*", 412},
		"If-None-Match any and a document is stored":      {"anna", "If-None-Match", "*", 412},
		"If-None-Match names the stored document":         {"anna", "If-None-Match", current, 412},
		"If-None-Match names the stored document, weakly": {"anna", "If-None-Match", "W/" + current, 412},
		"If-None-Match names another document":            {"anna", "If-None-Match", stale, 200},
		"If-None-Match any and nothing is stored":         {"new", "If-None-Match", "*", 201},
		"not a tag":             {"anna", "If-Match", "abc", 400},
		"not closed":            {"anna", "If-Match", `"abc`, 400},
		"not a list":            {"anna", "If-None-Match", `"abc" "def"`, 400},
		"an end without a tag":  {"anna", "If-None-Match", `"abc",`, 400},
		"any among other tags":  {"anna", "If-Match", `*, "abc"`, 400},
		"an empty list of tags": {"anna", "If-Match", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.putWith(test.contactID, learner(test.contactID, "Anna"), test.header, test.value)
			if a.status != test.status {
				t.Fatalf("PUT = %d %s, want %d", a.status, a.body, test.status)
			}
			switch a.status {
			case http.StatusPreconditionFailed:
				if p := a.problem(t); p.Type != "/problems/precondition-failed" || p.Errors[0].Header != test.header {
					t.Errorf("the problem is %+v", p)
				}
				if got, want := a.header.Get("ETag"), d.get(test.contactID).header.Get("ETag"); got != want {
					t.Errorf("ETag = %s, want the stored document's, %s", got, want)
				}
			case http.StatusBadRequest:
				if p := a.problem(t); p.Type != "/problems/bad-request" || p.Errors[0].Header != test.header {
					t.Errorf("the problem is %+v", p)
				}
			}
		})
	}
}

func TestAPreconditionIsJudgedByWhatIsStoredNow(t *testing.T) {
	d := open(t)
	d.put("anna", learner("anna", "Anna"))
	first := d.get("anna").header.Get("ETag")
	d.put("anna", learner("anna", "Berta"))

	if a := d.putWith("anna", learner("anna", "Carla"), "If-Match", first); a.status != http.StatusPreconditionFailed {
		t.Errorf("a stale write = %d %s, want 412", a.status, a.body)
	}
	if got := d.contact("anna").Spec.FirstName; got != "Berta" {
		t.Errorf("%s is stored, want Berta", got)
	}
	// What somebody changed past the door counts too, whether the door's cache has seen it or not.
	contact := d.contact("anna")
	contact.Spec.FirstName = "Dora"
	must(t, d.admin.Update(t.Context(), contact))
	if a := d.putWith("anna", learner("anna", "Emma"), "If-Match", doors.ETag(documents.Digest(&contact.Spec))); a.status != http.StatusOK {
		t.Errorf("a write that knows the stored document = %d %s, want 200", a.status, a.body)
	}
}

func TestTheHighestRevisionWins(t *testing.T) {
	d := open(t)
	for _, step := range []struct {
		revision, name string
		status         int
		problem        string // its type, after /problems/
		stored         string // the name and revision that are stored then
		marked         string
	}{
		{"7", "Anna", 201, "", "Anna", "7"},
		{"7", "Anna", 200, "", "Anna", "7"},
		{"7", "Berta", 409, "revision-reused", "Anna", "7"},
		{"6", "Berta", 412, "revision-outdated", "Anna", "7"},
		{"6", "Anna", 412, "revision-outdated", "Anna", "7"},
		{"9", "Anna", 200, "", "Anna", "9"}, // the same document, which is newer now than
		{"8", "Berta", 412, "revision-outdated", "Anna", "9"},
		{"", "Carla", 200, "", "Carla", "9"}, // who does not number is taken, and does not set the number back
		{"9", "Anna", 409, "revision-reused", "Carla", "9"},
		{"10", "Anna", 200, "", "Anna", "10"},
		{"9223372036854775807", "Dora", 200, "", "Dora", "9223372036854775807"},
		{"9223372036854775808", "Emma", 400, "bad-request", "Dora", "9223372036854775807"},
		{"-1", "Emma", 400, "bad-request", "Dora", "9223372036854775807"},
		{"1.0", "Emma", 400, "bad-request", "Dora", "9223372036854775807"},
		{"+1", "Emma", 400, "bad-request", "Dora", "9223372036854775807"},
	} {
		var pairs []string
		if step.revision != "" {
			pairs = []string{"Document-Revision", step.revision}
		}
		a := d.putWith("anna", learner("anna", step.name), pairs...)
		if a.status != step.status {
			t.Fatalf("%s as revision %s = %d %s, want %d", step.name, step.revision, a.status, a.body, step.status)
		}
		if step.problem != "" {
			p := a.problem(t)
			if p.Type != "/problems/"+step.problem || p.Errors[0].Header != "Document-Revision" {
				t.Errorf("%s as revision %s: the problem is %+v, want %s", step.name, step.revision, p, step.problem)
			}
		}
		stored := d.contact("anna")
		if got := stored.Annotations[v1alpha1.DocumentRevisionAnnotation]; stored.Spec.FirstName != step.stored || got != step.marked {
			t.Errorf("after %s as revision %s: %s is stored as %s, want %s as %s", step.name, step.revision, stored.Spec.FirstName, got, step.stored, step.marked)
		}
		if got := a.header.Get("Document-Revision"); step.problem != "bad-request" && got != step.marked {
			t.Errorf("%s as revision %s is answered with Document-Revision %q, want %s", step.name, step.revision, got, step.marked)
		}
	}
	if got := d.get("anna").header.Get("Document-Revision"); got != "9223372036854775807" {
		t.Errorf("GET: Document-Revision = %q", got)
	}
	if a := d.putWith("anna", learner("anna", "Emma"), "Document-Revision", "1", "Document-Revision", "2"); a.status != http.StatusBadRequest {
		t.Errorf("two revisions at once = %d, want 400", a.status)
	}
}

func TestARepeatedRevisionWritesNothing(t *testing.T) {
	d := open(t)
	d.putWith("anna", learner("anna", "Anna"), "Document-Revision", "0")
	if calls := d.wire.during(func() { d.putWith("anna", learner("anna", "Anna"), "Document-Revision", "0") }); len(calls) > 0 {
		t.Errorf("calls to the API server: %v, want none", calls)
	}
}

// Documents of one contact that arrive through two replicas in any order end in the newest of them, whole.
func TestRevisionsThatOvertakeEachOtherOnTwoReplicasEndInTheNewest(t *testing.T) {
	d := open(t)
	replicas := []*door{d, d.replica(func(c client.Client) client.Client { return c })}
	const count = 60
	var sending sync.WaitGroup
	answers := make([]answer, count)
	for i := range count {
		sending.Go(func() {
			name, revision := revised(i)
			answers[i] = replicas[i%2].putWith("anna", learner("anna", name), "Document-Revision", revision)
		})
	}
	sending.Wait()
	for i, a := range answers {
		_, revision := revised(i)
		switch a.status {
		case http.StatusOK, http.StatusCreated, http.StatusPreconditionFailed:
		default:
			t.Errorf("revision %s = %d %s", revision, a.status, a.body)
		}
	}
	name, revision := revised(count - 1)
	if a := d.putWith("anna", learner("anna", name), "Document-Revision", revision); a.status != http.StatusOK {
		t.Errorf("the newest again = %d %s, want 200", a.status, a.body)
	}
	if got := d.contact("anna").Spec.FirstName; got != name {
		t.Errorf("%s is stored, want %s", got, name)
	}
}

// revised gives the name and the revision of the i-th change.
func revised(i int) (name, revision string) {
	return "Anna " + strconv.Itoa(i), strconv.Itoa(i)
}
