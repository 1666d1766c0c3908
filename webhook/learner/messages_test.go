package learner

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/webhook/problem"
)

func TestAMessageIsStoredBeforeItIsAcknowledged(t *testing.T) {
	d := start(t)
	d.course("1234A")
	ada := d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	d.mentor("dana", "1234A")
	b := d.logIn("ada")
	a := b.post(mentorOf("000123", keyOf("1234A")), `{"subject": "Bandages", "text": "How tight is\ttoo tight?\nAda"}`)
	if a.status != http.StatusCreated {
		t.Fatalf("%d %s, want 201", a.status, a.body)
	}
	stored := d.stored(ada)
	if len(stored) != 1 {
		t.Fatalf("%d messages are stored", len(stored))
	}
	want := v1alpha1.LearnerMessageSpec{ContactRef: v1alpha1.ContactReference{Name: ada.Name}, Recipient: v1alpha1.RecipientMentor, CourseCode: "1234A",
		Subject: "Bandages", Text: "How tight is\ttoo tight?\nAda", PlatformRef: v1alpha1.PlatformReference{Name: "default"}}
	if diff := cmp.Diff(want, stored[0].Spec); diff != "" {
		t.Errorf("the message is stored as (-want +got):\n%s", diff)
	}
	if owners := stored[0].OwnerReferences; len(owners) != 1 || owners[0].UID != ada.UID {
		t.Errorf("it belongs to %v, want the contact", owners)
	}
	told := read[message](t, a)
	if diff := cmp.Diff(message{MessageID: stored[0].Name, To: "mentor", CourseCode: "1234A", State: "accepted", AcceptedTime: stored[0].CreationTimestamp}, told); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	if want := "/gk/api/learner/contacts/000123/messages/" + stored[0].Name + "/"; a.header.Get("Location") != want {
		t.Errorf("Location: %s, want %s", a.header.Get("Location"), want)
	}
	got := b.post(supportOf("000123"), letterOf("How tight?"))
	if told := read[message](t, got); told.To != "support" || told.CourseCode != "" {
		t.Errorf("to support: %+v", told)
	}
}

func TestAMessageTellsHowFarItIs(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	path := b.post(supportOf("000123"), letterOf("How tight?")).header.Get("Location")
	state := func() string { return read[message](t, b.get(path)).State }
	if got := state(); got != "accepted" {
		t.Errorf("a new one is %s", got)
	}
	report := func(how func(*v1alpha1.LearnerMessageStatus)) {
		t.Helper()
		current := &d.stored(ada)[0]
		how(&current.Status)
		must(t, d.admin.Status().Update(t.Context(), current))
		d.seen(current)
	}
	report(func(s *v1alpha1.LearnerMessageStatus) {
		s.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "Refused", LastTransitionTime: metav1.Now()}}
	})
	if got := state(); got != "failed" {
		t.Errorf("one that was refused is %s", got)
	}
	report(func(s *v1alpha1.LearnerMessageStatus) { s.Conditions, s.DeliveredTime = nil, &metav1.Time{Time: noon} })
	if got := state(); got != "delivered" {
		t.Errorf("one that the mail server took is %s", got)
	}
	must(t, d.admin.Delete(t.Context(), &d.stored(ada)[0]))
	eventually(t, "it is gone", func() bool { return b.get(path).status == http.StatusNotFound })
}

func TestAMessageWithAKeyIsStoredOnce(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	bob := d.contact("000124", "bob")
	d.mentor("dana", "1234A")
	b := d.logIn("ada")
	const key = `6ba7b810/"~!`
	first := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, key)
	if first.status != http.StatusCreated {
		t.Fatalf("%d %s", first.status, first.body)
	}
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() {
			again := b.post(supportOf("000123"), ` { "text" : "How tight?" } `, idempotencyHeader, key)
			if again.status != http.StatusCreated || again.body != first.body || again.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("again: %d %s, want %s", again.status, again.body, first.body)
			}
		})
		crowd.Go(func() {
			if a := b.post(supportOf("000123"), letterOf("How tight!"), idempotencyHeader, "at-once"); a.status != http.StatusCreated {
				t.Errorf("at once: %d %s", a.status, a.body)
			}
		})
	}
	crowd.Wait()
	if got := len(d.stored(ada)); got != 2 {
		t.Errorf("%d messages are stored, want 2", got)
	}
	for what, a := range map[string]answer{
		"another text":    b.post(supportOf("000123"), letterOf("How tight is it?"), idempotencyHeader, key),
		"another subject": b.post(supportOf("000123"), `{"subject": "Hi", "text": "How tight?"}`, idempotencyHeader, key),
	} {
		if a.status != http.StatusBadRequest || a.problem(t).Errors[0].Header != idempotencyHeader {
			t.Errorf("%s: %d %s, want 400", what, a.status, a.body)
		}
	}
	if a := d.logIn("bob").post(supportOf("000124"), letterOf("How tight?"), idempotencyHeader, key); a.status != http.StatusCreated || len(d.stored(bob)) != 1 {
		t.Errorf("another learner's: %d %s", a.status, a.body)
	}
}

// Who did not get the answer asks again, whatever has happened meanwhile.
func TestWhatIsStoredIsAcknowledgedAgainWhenNobodyCanBeWrittenToAnyMore(t *testing.T) {
	d := start(t)
	d.course("1234A")
	ada := d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	dana := d.mentor("dana", "1234A")
	b := d.logIn("ada")
	toMentor, toSupport := mentorOf("000123", keyOf("1234A")), supportOf("000123")
	send := func(path, key string) answer { return b.post(path, letterOf("How tight?"), idempotencyHeader, key) }
	first := map[string]answer{toMentor: send(toMentor, "mentor"), toSupport: send(toSupport, "support")}
	check := func(when string) {
		t.Helper()
		for path, key := range map[string]string{toMentor: "mentor", toSupport: "support"} {
			if a := send(path, key); a.status != http.StatusCreated || a.body != first[path].body {
				t.Errorf("%s, again: %d %s, want %s", when, a.status, a.body, first[path].body)
			}
			if a := send(path, key+"-new"); a.status != http.StatusNotFound {
				t.Errorf("%s, a new one: %d %s", when, a.status, a.body)
			}
			if a := b.post(path, letterOf("How tight?")); a.status != http.StatusNotFound {
				t.Errorf("%s, one without a key: %d %s", when, a.status, a.body)
			}
		}
	}
	change(d, dana, func(m *v1alpha1.CourseMentor) { m.Spec.EndDate = "2026-11-01" })
	change(d, &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.Support = v1alpha1.SupportSpec{} })
	check("without a mentor and support")
	change(d, ada, func(c *v1alpha1.Contact) { c.Spec.Enrollments[0].AccessEndDate = "2026-11-28" })
	check("after the end of the course")
	change(d, ada, func(c *v1alpha1.Contact) { c.Spec.Enrollments = nil })
	check("when the course was dropped")
}

// Two course codes may have one key, and first the one has a mentor, then the other.
func TestAKeyCountsForTheAddressThatItIsSentTo(t *testing.T) {
	d := start(t)
	for _, code := range []string{"1234A", "1234B"} {
		change(d, d.course(code), func(c *v1alpha1.Course) { c.Spec.CourseKey = keyOf("1234") })
	}
	ada := d.contact("000123", "ada", sold("1234A", "2026-01-01", ""), sold("1234B", "2026-01-01", ""))
	dana := d.mentor("dana", "1234B")
	b := d.logIn("ada")
	send := func(path string) answer { return b.post(path, letterOf("How tight?"), idempotencyHeader, "key") }
	first, toSupport := send(mentorOf("000123", keyOf("1234"))), send(supportOf("000123"))
	if first.status != http.StatusCreated || toSupport.status != http.StatusCreated {
		t.Fatalf("%d %s and %d %s, want 201", first.status, first.body, toSupport.status, toSupport.body)
	}
	change(d, dana, func(m *v1alpha1.CourseMentor) { m.Spec.EndDate = "2026-11-01" })
	d.mentor("kim", "1234A")
	if a := send(mentorOf("000123", keyOf("1234"))); a.status != http.StatusCreated || a.body != first.body {
		t.Errorf("again: %d %s, want %s", a.status, a.body, first.body)
	}
	if got := len(d.stored(ada)); got != 2 {
		t.Errorf("%d messages are stored, want one to the mentor and one to support", got)
	}
}

func TestALearnerHasSoManyMessagesAnHour(t *testing.T) {
	d := start(t, func(o *Options) { o.MessagesPerHour = 2 })
	ada := d.contact("000123", "ada")
	d.contact("000124", "bob")
	b := d.logIn("ada")
	for _, key := range []string{"one", "one", "two", "two"} { // what comes again does not count
		if a := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, key); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	a := b.post(supportOf("000123"), letterOf("How tight?"))
	if wait := a.header.Get("Retry-After"); a.status != http.StatusTooManyRequests || wait != "1800" && wait != "1799" && wait != "1798" {
		t.Errorf("the third: %d, Retry-After: %s; want 429 and half an hour", a.status, wait)
	}
	if got := len(d.stored(ada)); got != 2 {
		t.Errorf("%d messages are stored, want 2", got)
	}
	if a := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, "one"); a.status != http.StatusCreated {
		t.Errorf("the first again: %d", a.status)
	}
	if a := b.post(supportOf("000123"), "{}"); a.status != http.StatusBadRequest {
		t.Errorf("a wrong one: %d", a.status)
	}
	if a := d.logIn("bob").post(supportOf("000124"), letterOf("How tight?")); a.status != http.StatusCreated {
		t.Errorf("another learner: %d", a.status)
	}
}

func TestOfALearnerSoManyMessagesAreKept(t *testing.T) {
	d := start(t, func(o *Options) { o.MessagesPerHour = 2 * maxKept })
	ada := d.contact("000123", "ada")
	d.contact("000124", "bob")
	b := d.logIn("ada")
	for i := range maxKept - 1 {
		d.create(&v1alpha1.LearnerMessage{ObjectMeta: d.meta(fmt.Sprint("kept-", i)), Spec: v1alpha1.LearnerMessageSpec{
			ContactRef: v1alpha1.ContactReference{Name: ada.Name}, Recipient: v1alpha1.RecipientSupport, Text: "How tight?"}})
	}
	last := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, "last")
	if last.status != http.StatusCreated {
		t.Fatalf("the last that is kept: %d %s", last.status, last.body)
	}
	a := b.post(supportOf("000123"), letterOf("How tight?"))
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "3600" || !strings.Contains(a.problem(t).Detail, "100 messages of yours are kept") {
		t.Errorf("one more: %d %v %s, want 429 with an hour", a.status, a.header, a.body)
	}
	if again := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, "last"); again.status != http.StatusCreated || again.body != last.body {
		t.Errorf("the last one again: %d %s", again.status, again.body)
	}
	if a := d.logIn("bob").post(supportOf("000124"), letterOf("How tight?")); a.status != http.StatusCreated {
		t.Errorf("another learner: %d %s", a.status, a.body)
	}
	must(t, d.admin.Delete(t.Context(), &d.stored(ada)[0]))
	eventually(t, "there is room for another", func() bool {
		return b.post(supportOf("000123"), letterOf("How tight?")).status == http.StatusCreated
	})
}

// What every replica keeps in memory is small, and holds nothing of what learners write.
func TestTheCacheHoldsNoTexts(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	if a := d.logIn("ada").post(supportOf("000123"), `{"subject": "Bandages", "text": "How tight?"}`); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var cached v1alpha1.LearnerMessageList
	must(t, d.cached.List(t.Context(), &cached, client.InNamespace(d.namespace)))
	if len(cached.Items) != 1 || cached.Items[0].Spec.Text+cached.Items[0].Spec.Subject != "" {
		t.Errorf("it has %+v", cached.Items)
	}
}

func TestMessagesThatAreSentAtOnceAreCountedAsWell(t *testing.T) {
	d := start(t, func(o *Options) { o.MessagesPerHour = 2 })
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	b.get(myself) // the keys are known
	var crowd sync.WaitGroup
	for range maxAtATime {
		crowd.Go(func() {
			if a := b.post(supportOf("000123"), letterOf("How tight?")); a.status != http.StatusCreated && a.status != http.StatusTooManyRequests {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	crowd.Wait()
	if got := len(d.stored(ada)); got != 2 {
		t.Errorf("%d messages are stored, want 2", got)
	}
}

func TestWithoutAnAPIServerNoMessageIsAcknowledged(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	b.get(myself) // the keys are known
	for name, fault := range map[string]func(http.RoundTripper, *http.Request) (*http.Response, error){
		"unreachable": func(http.RoundTripper, *http.Request) (*http.Response, error) {
			return nil, errors.New("no connection")
		},
		"its answer is lost": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if response, err := next.RoundTrip(r); err == nil {
				response.Body.Close()
			}
			return nil, errors.New("cut off")
		},
	} {
		d.wire.breakWith(fault)
		a := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, strings.ReplaceAll(name, " ", "-"))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %d %s, want 503", name, a.status, a.body)
		}
		if a := b.get(coursesOf("000123")); a.status != http.StatusOK {
			t.Errorf("%s: reading = %d", name, a.status)
		}
		d.wire.breakWith(nil)
		if a := b.post(supportOf("000123"), letterOf("How tight?"), idempotencyHeader, strings.ReplaceAll(name, " ", "-")); a.status != http.StatusCreated {
			t.Errorf("%s, and again: %d %s", name, a.status, a.body)
		}
	}
	if got := len(d.stored(ada)); got != 2 {
		t.Errorf("%d messages are stored, want one of each", got)
	}
}

// refusals are bodies that are no message, and why.
var refusals = map[string]struct{ body, kind, want string }{
	"nothing":                  {"", "not-json", " Syntax"},
	"not JSON":                 {"Hi", "not-json", " Syntax"},
	"cut off":                  {`{"text": "Hi`, "not-json", "/text Syntax"},
	"no UTF-8":                 {"{\"text\": \"\xff\"}", "not-json", "/text Syntax"},
	"half a surrogate pair":    {`{"text": "\ud800"}`, "not-json", "/text Syntax"},
	"two of them":              {`{"text": "a"}{"text": "b"}`, "not-json", " Syntax"},
	"no text":                  {`{}`, "attribute-invalid", "/text Missing"},
	"a list":                   {`["Hi"]`, "attribute-invalid", " WrongType"},
	"null":                     {`null`, "attribute-invalid", " WrongType"},
	"null as text":             {`{"text": null}`, "attribute-invalid", "/text WrongType"},
	"a number as text":         {`{"text": 1}`, "attribute-invalid", "/text WrongType"},
	"an unknown member":        {`{"text": "Hi", "to": "boss@gk.example"}`, "attribute-invalid", "/to Unknown"},
	"another case":             {`{"Text": "Hi"}`, "attribute-invalid", "/Text Unknown"},
	"text twice":               {`{"text": "Hi", "text": "Ho"}`, "attribute-invalid", "/text Duplicate"},
	"text twice, once escaped": {`{"text": "Hi", "te\u0078t": "Ho"}`, "attribute-invalid", "/text Duplicate"},
	"empty text":               {`{"text": ""}`, "attribute-invalid", "/text Malformed"},
	"white space":              {`{"text": " \n\t\u00a0"}`, "attribute-invalid", "/text Malformed"},
	"long text":                {`{"text": "` + strings.Repeat("ö", maxText+1) + `"}`, "attribute-invalid", "/text Malformed"},
	"a carriage return":        {`{"text": "a\r\nb"}`, "attribute-invalid", "/text Malformed"},
	"NUL":                      {`{"text": "a\u0000"}`, "attribute-invalid", "/text Malformed"},
	"an escape sequence":       {`{"text": "a\u001b[2J"}`, "attribute-invalid", "/text Malformed"},
	"empty subject":            {`{"text": "a", "subject": ""}`, "attribute-invalid", "/subject Malformed"},
	"null as subject":          {`{"text": "a", "subject": null}`, "attribute-invalid", "/subject WrongType"},
	"long subject":             {`{"text": "a", "subject": "` + strings.Repeat("s", maxSubject+1) + `"}`, "attribute-invalid", "/subject Malformed"},
	"a header in the subject":  {`{"text": "a", "subject": "Hi\nBcc: all@gk.example"}`, "attribute-invalid", "/subject Malformed"},
	"both wrong":               {`{"text": "", "subject": ""}`, "attribute-invalid", "/subject Malformed,/text Malformed"},
}

// accepted are messages.
var accepted = map[string]string{
	"short":                   `{"text": "?"}`,
	"long":                    `{"text": "` + strings.Repeat("ö", maxText) + `", "subject": "` + strings.Repeat("𝄞", maxSubject) + `"}`,
	"as long as can be":       `{"text": "` + strings.Repeat(`\ud834\udd1e`, maxText) + `", "subject": "` + strings.Repeat(`\ud834\udd1e`, maxSubject) + `"}`,
	"with tabs and lines":     `{"text": "\ta\n\nb\n"}`,
	"with markup":             `{"text": "<script>alert(1)</script>", "subject": "<b>"}`,
	"in another direction":    `{"text": "שלום", "subject": "\u202eabc"}`,
	"with a line separator":   `{"text": "a\u2028b\u0085c"}`,
	"with white space around": `{"text": " a ", "subject": " a "}`,
}

func TestWhatIsNoMessageIsRefusedWithAPointer(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	for name, test := range refusals {
		a := b.post(supportOf("000123"), test.body)
		if a.status != http.StatusBadRequest || a.problem(t).Type != "/problems/"+test.kind || reasonsOf(a.problem(t)) != test.want {
			t.Errorf("%s: %d %s, want 400 %s %s", name, a.status, a.body, test.kind, test.want)
		}
	}
	if got := len(d.stored(ada)); got != 0 {
		t.Errorf("%d messages are stored", got)
	}
}

func TestWhatIsAMessageIsStoredAsItIsWritten(t *testing.T) {
	d := start(t)
	ada := d.contact("000123", "ada")
	b := d.logIn("ada")
	for name, body := range accepted {
		a := b.post(supportOf("000123"), body)
		if a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		sent, err := decode([]byte(body))
		must(t, err)
		found := false
		for _, stored := range d.stored(ada) {
			found = found || stored.Spec.Text == *sent.Text && stored.Spec.Subject == sent.subject()
		}
		if !found {
			t.Errorf("%s is not stored as it is", name)
		}
	}
}

func reasonsOf(p problem.Problem) string {
	var all []string
	for _, e := range p.Errors {
		all = append(all, e.Pointer+" "+e.Reason)
	}
	return strings.Join(all, ",")
}

// FuzzDecode reads anything: what is refused is refused with 400 and a place, and what is not is what the API server takes.
func FuzzDecode(f *testing.F) {
	for _, test := range refusals {
		f.Add([]byte(test.body))
	}
	for _, body := range accepted {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		read, err := decode(body)
		if err != nil {
			refused, ok := errors.AsType[*problem.Problem](err)
			if !ok || refused.Status != http.StatusBadRequest || len(refused.Errors) == 0 {
				t.Fatalf("%q is refused with %v", body, err)
			}
			for _, e := range refused.Errors {
				if e.Pointer != "" && e.Pointer[0] != '/' || e.Reason == "" || e.Detail == "" {
					t.Fatalf("%q is refused with %+v", body, e)
				}
			}
			return
		}
		if text := *read.Text; strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\x00\r\x1b\x7f") || len([]rune(text)) > maxText {
			t.Fatalf("the text %q is taken", text)
		}
		if read.Subject != nil && (strings.TrimSpace(*read.Subject) == "" || strings.ContainsAny(*read.Subject, "\x00\t\r\n\x7f") || len([]rune(*read.Subject)) > maxSubject) {
			t.Fatalf("the subject %q is taken", *read.Subject)
		}
	})
}
