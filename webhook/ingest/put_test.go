package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

func TestPutOfANewDocumentIsOneWrite(t *testing.T) {
	d := open(t)
	d.course("1234A")
	d.put("warm-up", learner("warm-up", "Jane")) // the reviews of token and permission are remembered

	var a answer
	calls := d.wire.during(func() { a = d.put("000123", joe()) })
	if a.status != http.StatusCreated || a.body != `{"Result":"Created"}` {
		t.Errorf("PUT = %d %s, want 201 Created", a.status, a.body)
	}
	if diff := cmp.Diff(map[string]int{"POST contacts": 1}, calls); diff != "" {
		t.Errorf("calls to the API server (-want +got):\n%s", diff)
	}

	contact := d.contact("000123")
	want := v1alpha1.ContactSpec{
		ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com",
		Enrollments: []v1alpha1.CourseAccess{
			{CourseCode: "1234A", AccessStartDate: "2017-10-01", AccessEndDate: "2018-09-30"},
		},
		PlatformRef:    v1alpha1.PlatformReference{Name: "default"},
		DeletionPolicy: v1alpha1.DeletionWithdraw,
	}
	if diff := cmp.Diff(want, contact.Spec); diff != "" {
		t.Errorf("Contact.spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{v1alpha1.WithdrawalFinalizer}, contact.Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
	if got, want := contact.Annotations[v1alpha1.DocumentSourceAnnotation], "system:serviceaccount:"+d.namespace+":writer"; got != want {
		t.Errorf("source = %q, want %q", got, want)
	}
	if contact.Annotations[v1alpha1.DocumentReceivedAnnotation] == "" {
		t.Error("the time of the document is missing")
	}
	if got := contact.ManagedFields[0].Manager; got != string(fieldOwner) || len(contact.ManagedFields) != 1 {
		t.Errorf("%d managers, the first is %q", len(contact.ManagedFields), got)
	}
}

func TestPutOfTheSameDocumentWritesNothing(t *testing.T) {
	d := open(t)
	d.course("1234A")
	d.put("000123", joe())
	before := d.contact("000123")

	var a answer
	calls := d.wire.during(func() { a = d.put("000123", joe("\n", " ")) })
	if a.status != http.StatusOK || a.body != `{"Result":"Unchanged"}` {
		t.Errorf("PUT = %d %s, want 200 Unchanged", a.status, a.body)
	}
	if len(calls) > 0 {
		t.Errorf("calls to the API server: %v, want none", calls)
	}
	if after := d.contact("000123"); after.ResourceVersion != before.ResourceVersion {
		t.Error("the Contact was written")
	}
}

func TestPutOfAnotherDocumentReplacesItAndLeavesWhatPeoplePutThere(t *testing.T) {
	d := open(t)
	d.course("1234A")
	d.course("1235A")
	d.put("000123", joe())
	edited := d.contact("000123")
	edited.Labels = map[string]string{"cohort": "a"}
	edited.Annotations["note"] = "call back"
	edited.Spec.Suspend = new(true)
	edited.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	must(t, d.admin.Update(context.Background(), edited, client.FieldOwner("a-person")))
	edited.Status.Learner = v1alpha1.LearnerStatus{Username: "joe", ProvisionedBy: v1alpha1.ProvisionedByCreation}
	must(t, d.admin.Status().Update(context.Background(), edited, client.FieldOwner("a-controller")))

	// The cache may or may not have seen the edits yet: the first write then fails and is repeated, and counts as none.
	var a answer
	calls := d.wire.during(func() {
		a = d.put("000123", joe("Joe", "Joseph", "1234A", "1235A", `, "AccessEndDate": "2018-09-30"`, ""))
	})
	if a.status != http.StatusOK || a.body != `{"Result":"Replaced"}` {
		t.Errorf("PUT = %d %s, want 200 Replaced", a.status, a.body)
	}
	if calls["PUT contacts"] == 0 || len(calls) != 1 {
		t.Errorf("calls to the API server: %v, want an update of the Contact", calls)
	}
	got := d.contact("000123")
	want := edited.DeepCopy()
	want.Spec.FirstName = "Joseph"
	want.Spec.Enrollments = []v1alpha1.CourseAccess{{CourseCode: "1235A", AccessStartDate: "2017-10-01"}}
	if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
		t.Errorf("Contact.spec (-want +got):\n%s", diff)
	}
	if got.Labels["cohort"] != "a" || got.Annotations["note"] != "call back" || got.Status.Learner.Username != "joe" {
		t.Errorf("labels %v, annotations %v or learner %v did not survive", got.Labels, got.Annotations, got.Status.Learner)
	}
	var managers []string
	for _, entry := range got.ManagedFields {
		managers = append(managers, entry.Manager)
	}
	slices.Sort(managers)
	if diff := cmp.Diff([]string{"a-controller", "a-person", "rollcall-ingest"}, managers); diff != "" {
		t.Errorf("managers of fields (-want +got):\n%s", diff)
	}
	if got.Generation != edited.Generation+1 {
		t.Errorf("generation %d, want one more than %d", got.Generation, edited.Generation)
	}

	// In step with its cache, a changed document is one write.
	d.seen(got)
	calls = d.wire.during(func() { d.put("000123", joe()) })
	if diff := cmp.Diff(map[string]int{"PUT contacts": 1}, calls); diff != "" {
		t.Errorf("calls to the API server (-want +got):\n%s", diff)
	}
}

func TestPutNamesConflictsAndStoresAllTheSame(t *testing.T) {
	d := open(t)
	d.course("1234A")
	gone := d.course("1236A")
	setConflict(gone, v1alpha1.ReasonCourseNotFound)
	must(t, d.admin.Status().Update(context.Background(), gone))
	d.seen(gone)
	claimed := d.course("1237A")
	setConflict(claimed, v1alpha1.ReasonCourseCodeClaimed)
	must(t, d.admin.Status().Update(context.Background(), claimed))
	d.seen(claimed)

	if a := d.put("000124", strings.ToUpper(learner("000124", "Jane"))); a.status != http.StatusForbidden {
		t.Fatalf("names of members are not case-sensitive: %d", a.status)
	}
	if a := d.put("000124", strings.ReplaceAll(learner("000124", "Jane"), "000124@", "JOE.SMITH@")); a.status != http.StatusCreated {
		t.Fatalf("PUT = %d %s", a.status, a.body)
	}
	document := `{"Contact": {"ContactID": "000123", "FirstName": "Joe", "LastName": "Smith", "Email": "joe.smith@acme.com", "Enrollments": [
		{"CourseCode": "1234A", "AccessStartDate": "2017-10-01"}, {"CourseCode": "1235A", "AccessStartDate": "2017-10-01"},
		{"CourseCode": "1236A", "AccessStartDate": "2017-10-01"}, {"CourseCode": "1237A", "AccessStartDate": "2017-10-01"}]}}`
	want := []problem.Error{
		{Pointer: "/Contact/Email", Reason: "EmailInUse", Detail: "Another contact holds this e-mail address."},
		{Pointer: "/Contact/Enrollments/1/CourseCode", Reason: "CourseNotFound", Detail: "No course with this code exists."},
		{Pointer: "/Contact/Enrollments/2/CourseCode", Reason: "CourseNotFound", Detail: "No course with this code exists."},
	}
	for range 2 { // new, and unchanged
		a := d.put("000123", document)
		if a.status != http.StatusConflict {
			t.Fatalf("PUT = %d %s, want 409", a.status, a.body)
		}
		if diff := cmp.Diff(want, a.problem(t).Errors); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	}
	if got := d.contact("000123").Spec.Enrollments; len(got) != 4 {
		t.Errorf("%d enrollments are stored, want all 4", len(got))
	}

	// The causes go away.
	d.put("000124", learner("000124", "Jane"))
	d.course("1235A")
	meta.RemoveStatusCondition(&gone.Status.Conditions, v1alpha1.ConditionConflict)
	must(t, d.admin.Status().Update(context.Background(), gone))
	d.seen(gone)
	if a := d.put("000123", document); a.status != http.StatusOK {
		t.Errorf("PUT = %d %s after the causes went away, want 200", a.status, a.body)
	}
}

// Who holds an address is decided as the controllers decide it: here by age, as neither has an account. The answer is
// about what is true after the write.
func TestPutLetsTheOlderContactTakeAnAddress(t *testing.T) {
	d := open(t)
	d.put("older", learner("older", "Jane"))
	eventually(t, "the next second has begun", func() bool { // creation is known to the second
		return time.Since(d.contact("older").CreationTimestamp.Time) > time.Second
	})
	d.put("younger", learner("younger", "Joe"))
	d.seen(d.contact("younger"))
	if a := d.put("older", strings.ReplaceAll(learner("older", "Jane"), "older@", "younger@")); a.status != http.StatusOK {
		t.Errorf("PUT = %d %s of the older contact, want 200", a.status, a.body)
	}
	if a := d.put("younger", learner("younger", "Joe")); a.status != http.StatusConflict {
		t.Errorf("PUT = %d %s of the younger contact, want 409", a.status, a.body)
	}
}

func setConflict(course *v1alpha1.Course, reason string) {
	meta.SetStatusCondition(&course.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionConflict,
		Status: metav1.ConditionTrue, Reason: reason, Message: "Test."})
}

// Two callers one after the other: the second is told that the first holds the address, every time.
func TestPutKnowsTheAddressesThatItAcknowledged(t *testing.T) {
	d := open(t)
	for i := range 50 {
		first, second := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
		if a := d.put(first, learner(first, "Jane")); a.status != http.StatusCreated {
			t.Fatalf("PUT = %d %s", a.status, a.body)
		}
		if a := d.put(second, strings.ReplaceAll(learner(second, "Jane"), second+"@", first+"@")); a.status != http.StatusConflict {
			t.Fatalf("PUT = %d %s of the address that was stored just before, want 409", a.status, a.body)
		}
	}
}

func TestPutLeavesAContactAloneThatIsBeingDeletedOrNotItsOwn(t *testing.T) {
	d := open(t)
	d.put("dying", learner("dying", "Jane"))
	must(t, d.admin.Delete(context.Background(), d.contact("dying")))
	d.seen(d.contact("dying"))
	a := d.put("dying", learner("dying", "Joe"))
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || !strings.Contains(a.body, "being deleted") {
		t.Errorf("PUT = %d %s of a contact that is being deleted, want 503", a.status, a.body)
	}

	for name, test := range map[string]struct {
		spec              v1alpha1.ContactSpec
		put, get          int
		kind, detail      string
		explainedInTheLog bool
	}{
		"other-id": {v1alpha1.ContactSpec{ContactID: "another"}, 500, 404, "internal", "its log says why", true},
		"other-platform": {v1alpha1.ContactSpec{ContactID: "other-platform", PlatformRef: v1alpha1.PlatformReference{Name: "second"}},
			403, 200, "managed-elsewhere", "belongs to the LearningPlatform second", false},
	} {
		test.spec.FirstName, test.spec.LastName, test.spec.Email = "Jane", "Doe", name+"@acme.com"
		foreign := &v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: names.Contact(name)}, Spec: test.spec}
		must(t, d.admin.Create(context.Background(), foreign))
		d.seen(foreign)
		a := d.put(name, learner(name, "Joe"))
		if p := a.problem(t); a.status != test.put || p.Type != "/problems/"+test.kind || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("PUT = %d %s over %s, want %d and type %s", a.status, a.body, name, test.put, test.kind)
		}
		if a := d.get(name); a.status != test.get {
			t.Errorf("GET = %d %s of %s, want %d", a.status, a.body, name, test.get)
		}
		if strings.Contains(d.logs.all(), "the Contact "+foreign.Name) != test.explainedInTheLog {
			t.Errorf("that the log says what is wrong with %s is not %v", foreign.Name, test.explainedInTheLog)
		}
		if got := d.contact(foreign.Name); got.ResourceVersion != foreign.ResourceVersion {
			t.Errorf("%s was written", foreign.Name)
		}
	}
}

func TestParallelPutsOfOneNewContactMakeItOnce(t *testing.T) {
	d := open(t)
	for round := range 5 {
		id := fmt.Sprintf("new-%d", round)
		statuses := make(chan int, 32)
		var callers sync.WaitGroup
		for range cap(statuses) {
			callers.Go(func() {
				a, err := d.try(request{method: http.MethodPut, path: pathOf(id), body: learner(id, "Jane")})
				if err != nil {
					t.Error(err)
				}
				statuses <- a.status
			})
		}
		callers.Wait()
		close(statuses)
		got := map[int]int{}
		for status := range statuses {
			got[status]++
		}
		if diff := cmp.Diff(map[int]int{http.StatusCreated: 1, http.StatusOK: cap(statuses) - 1}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	}
}

// An answer is a promise: whatever was acknowledged last is what is stored.
func TestPutOneAfterTheOtherIsNeverToldAWrongUnchanged(t *testing.T) {
	d := open(t)
	for i := range 100 {
		name := []string{"Anna", "Berta"}[i%2]
		for _, want := range []string{"Replaced", "Unchanged"} {
			if i == 0 && want == "Replaced" {
				want = "Created"
			}
			if a := d.put("alternating", learner("alternating", name)); a.body != `{"Result":"`+want+`"}` {
				t.Fatalf("round %d: PUT = %d %s, want %s", i, a.status, a.body, want)
			}
		}
		if got := d.contact("alternating").Spec.FirstName; got != name {
			t.Fatalf("round %d: %s is stored, %s was acknowledged", i, got, name)
		}
	}
}

func TestParallelPutsOfOneContactEndInOneOfThem(t *testing.T) {
	d := open(t)
	const callersOfEach, rounds = 4, 20
	var mu sync.Mutex
	results := map[string]map[outcome]int{"Anna": {}, "Berta": {}}
	var callers sync.WaitGroup
	calls := d.wire.during(func() {
		for name, counts := range results {
			for range callersOfEach {
				callers.Go(func() {
					for range rounds {
						a, err := d.try(request{method: http.MethodPut, path: pathOf("contested"), body: learner("contested", name)})
						var answered receipt
						if err != nil || json.Unmarshal([]byte(a.body), &answered) != nil || answered.Result == "" {
							t.Errorf("PUT = %d %s, %v", a.status, a.body, err)
							return
						}
						mu.Lock()
						counts[answered.Result]++
						mu.Unlock()
					}
				})
			}
		}
		callers.Wait()
	})

	// What is stored changes hands with every write, so the numbers of writes tell who came last.
	writes := func(name string) int { return results[name][created] + results[name][replaced] }
	got := d.contact("contested").Spec.FirstName
	other := map[string]string{"Anna": "Berta", "Berta": "Anna"}[got]
	if ahead := writes(got) - writes(other); ahead != 0 && ahead != 1 {
		t.Errorf("%s is stored after %d writes of it and %d of the other", got, writes(got), writes(other))
	}
	if n := results["Anna"][created] + results["Berta"][created]; n != 1 {
		t.Errorf("%d callers were told Created, want 1", n)
	}
	if got, want := calls["POST contacts"]+calls["PUT contacts"], writes("Anna")+writes("Berta"); got != want {
		t.Errorf("%d writes for %d answers that speak of one", got, want)
	}
}

// Another writer, such as a person or a second replica, is no reason to fail or to overwrite what it wrote elsewhere.
func TestPutGivesWayToOtherWriters(t *testing.T) {
	d := open(t)
	d.put("busy", learner("busy", "Jane"))
	for i := range 50 {
		var other sync.WaitGroup
		other.Go(func() {
			contact := &v1alpha1.Contact{}
			if err := d.admin.Get(context.Background(), client.ObjectKey{Namespace: d.namespace, Name: "busy"}, contact); err != nil {
				t.Error(err)
			}
			contact.Labels = map[string]string{"round": fmt.Sprint(i)}
			_ = d.admin.Update(context.Background(), contact) // one of the two gives way
		})
		name := []string{"Anna", "Berta"}[i%2]
		if a := d.put("busy", learner("busy", name)); a.status != http.StatusOK {
			t.Errorf("PUT = %d %s", a.status, a.body)
		}
		other.Wait()
		if got := d.contact("busy").Spec.FirstName; got != name {
			t.Fatalf("%s is stored, %s was acknowledged", got, name)
		}
	}
}

// A write whose answer is lost may still have taken place.
func TestAfterALostAnswerNothingIsTakenForGranted(t *testing.T) {
	d := open(t)
	d.put("lost", learner("lost", "Anna"))

	d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if r.Method == http.MethodPut && err == nil {
			response.Body.Close()
			return nil, context.DeadlineExceeded
		}
		return response, err
	})
	a := d.put("lost", learner("lost", "Berta"))
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Fatalf("PUT = %d %s, want 503 with Retry-After", a.status, a.body)
	}
	d.wire.breakWith(nil)

	// By its cache the door may still hold Anna for stored.
	if a := d.put("lost", learner("lost", "Anna")); a.status != http.StatusOK {
		t.Fatalf("PUT = %d %s, want 200", a.status, a.body)
	}
	if got := d.contact("lost").Spec.FirstName; got != "Anna" {
		t.Errorf("%s is stored, Anna was acknowledged", got)
	}
	// Once a write is known to have succeeded, equal is equal again.
	if a := d.put("lost", learner("lost", "Anna")); a.body != `{"Result":"Unchanged"}` {
		t.Errorf("PUT = %d %s, want 200 Unchanged", a.status, a.body)
	}
}

// A write whose answer is lost may also take place later: after the answer to another document.
func TestALateWriteDoesNotUndoWhatWasAcknowledgedMeanwhile(t *testing.T) {
	d := open(t)
	d.put("late", learner("late", "Anna"))
	var late *http.Request
	var next http.RoundTripper
	d.wire.breakWith(func(toAPIServer http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPut {
			return toAPIServer.RoundTrip(r)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		late, next = r.Clone(context.Background()), toAPIServer
		late.Body = io.NopCloser(bytes.NewReader(body))
		return nil, context.DeadlineExceeded
	})
	if a := d.put("late", learner("late", "Berta")); a.status != http.StatusServiceUnavailable {
		t.Fatalf("PUT = %d %s, want 503", a.status, a.body)
	}
	d.wire.breakWith(nil)

	if a := d.put("late", learner("late", "Anna")); a.status != http.StatusOK {
		t.Fatalf("PUT = %d %s, want 200", a.status, a.body)
	}
	response, err := next.RoundTrip(late)
	must(t, err)
	response.Body.Close()
	if got := d.contact("late").Spec.FirstName; got != "Anna" || response.StatusCode != http.StatusConflict {
		t.Errorf("%s is stored after the late write ended with %d; Anna was acknowledged", got, response.StatusCode)
	}
}

// A CRD or a policy may be stricter than ingest. Here the wire makes the document worse than what was sent.
func TestWhatTheAPIServerFindsInvalidIsPointedAt(t *testing.T) {
	d := open(t)
	d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/contacts") && r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			worse := strings.NewReplacer("2018-09-30", "2016-09-30", "Smith", "<Smith").Replace(string(body))
			r = r.Clone(r.Context())
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(worse)), int64(len(worse))
		}
		return next.RoundTrip(r)
	})
	a := d.put("000123", joe())
	if a.status != http.StatusForbidden {
		t.Fatalf("PUT = %d %s, want 403", a.status, a.body)
	}
	want := []problem.Error{
		{Pointer: "/Contact/Enrollments/0/AccessEndDate", Reason: "Refused", Detail: "The API server does not take this."},
		{Pointer: "/Contact/LastName", Reason: "Refused", Detail: "The API server does not take this."},
	}
	if diff := cmp.Diff(want, a.problem(t).Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestAnErrorOfTheAPIServerIsNoAcknowledgement(t *testing.T) {
	d := open(t)
	d.put("warm-up", learner("warm-up", "Jane"))
	for name, test := range map[string]struct {
		answered int
		want     int
	}{
		"overloaded":      {http.StatusTooManyRequests, http.StatusServiceUnavailable},
		"etcd is away":    {http.StatusInternalServerError, http.StatusServiceUnavailable},
		"shutting down":   {http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		"gateway timeout": {http.StatusGatewayTimeout, http.StatusServiceUnavailable},
		// It says these while it starts, too.
		"no such token":     {http.StatusUnauthorized, http.StatusServiceUnavailable},
		"no permission":     {http.StatusForbidden, http.StatusServiceUnavailable},
		"no such kind":      {http.StatusNotFound, http.StatusServiceUnavailable},
		"no sense in there": {http.StatusBadRequest, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPost {
					return next.RoundTrip(r)
				}
				return &http.Response{StatusCode: test.answered, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			})
			defer d.wire.breakWith(nil)
			a := d.put("failing", learner("failing", "Joe"))
			if a.status != test.want {
				t.Errorf("PUT = %d %s, want %d", a.status, a.body, test.want)
			}
			if hasIt := a.header.Get("Retry-After") != ""; hasIt != (test.want == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
			}
		})
	}
}
