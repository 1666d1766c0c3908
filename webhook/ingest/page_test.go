package ingest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html/atom"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/page"
)

// browser is what Chromium accepts when somebody opens an address.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"

func (d *door) browse(method, contactID string, token *string) answer {
	d.t.Helper()
	return d.send(request{method: method, path: pathOf(contactID), token: token, header: http.Header{"Accept": {browser}}})
}

func TestThePageShowsAllOfTheRecord(t *testing.T) {
	d := openWithAnn(t)
	a := d.browse(http.MethodGet, "000777", nil)
	if a.status != http.StatusOK {
		t.Fatalf("GET = %d %s", a.status, a.body)
	}
	shown := a.page(t)
	check := func(what string, got, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("title", textsOf(shown, atom.Title), []string{"Contact 000777 – Rollcall"})
	check("header", textsOf(shown, atom.Header), []string{"Ann & Bo O'Hara Contact 000777 · ann@acme.com " +
		"As of 15 January 2040, 13:00:00 CET. All times and days are those of Europe/Berlin."})
	check("sections", textsOf(shown, atom.Section)[:2], []string{
		"Where it stands Needs somebody RequestRefused 1 of 7 enrollments need somebody. " +
			"What to do: Please report it with the message: Rollcall and the LMS understand each other wrongly. " +
			"Courses in step 2 of 7 Last in step 13 January 2040, 13:00:00 CET",
		"The account on the LMS Username ann_ohara How it came about It was there, with the contact's e-mail address. Active yes",
	})
	document := textsOf(shown, atom.Section)[2]
	if want := "Received 15 January 2040, 13:00:00 CET Sent by system:serviceaccount:" + d.namespace + ":writer Request ID order-4711 Revision 42 Digest " +
		a.header.Get("ETag")[1:13] + "…"; !strings.HasSuffix(document, want) {
		t.Errorf("the document's section is %s, want it to end with %s", document, want)
	}
	check("table", textsOf(shown, atom.Tr), []string{
		"Course First day Last day Now",
		"Open 2039-10-01 2040-09-30 In step",
		"Missing 2039-10-01 2040-09-30 In conflict",
		"Moved 2039-10-01 no end Being worked on",
		"Retried 2039-10-01 2040-09-30 Being worked on",
		"Refused 2039-10-01 2040-09-30 Needs somebody",
		"Waiting 2041-10-01 no end Being worked on",
		"Past 2017-10-01 2018-09-30 In step",
	})
	check("enrollments", textsOf(shown, atom.Article), []string{
		"Open In step Synced The learner is enrolled. Access Open: 2039-10-01 to 2040-09-30 Enrolled yes, mode audit " +
			"Course on the LMS course-v1:GK+Open+2039 Last in step 13 January 2040, 13:00:00 CET",
		"Missing In conflict CourseNotFound No Course carries the course code Missing. " +
			"What to do: Check the course code. If it is right, make the Course that carries it, or give that Course the spec.courseKey of a course on the LMS. " +
			"Access Open: 2039-10-01 to 2040-09-30 Enrolled not known",
		"Moved Being worked on Queued Stored; the work on it has not begun. " +
			"What to do: Wait: it goes on by itself. If it stays so, see whether the Course and the LearningPlatform are Ready. " +
			"Access Open: 2039-10-01 to 2040-09-30 The document says other days; they have not got here yet. Enrolled yes",
		"Retried Being worked on Retrying The LMS failed on this request. " +
			"What to do: Wait: it is tried again by itself. If it stays so for hours, show the last error to an administrator of the LMS, or that of a message to one of the mail server. " +
			"Access Open: 2039-10-01 to 2040-09-30 Enrolled not known Failed attempts 3, the last one on 15 January 2040, 12:00:00 CET " +
			"Next attempt by 15 January 2040, 13:01:00 CET Last error Transient ServerError The LMS failed on this request.",
		"Refused Needs somebody RequestRefused The LMS calls the request wrong. " +
			"What to do: Please report it with the message: Rollcall and the LMS understand each other wrongly. " +
			"Access Open: 2039-10-01 to 2040-09-30 Enrolled no Failed attempts 3, the last one on 15 January 2040, 12:00:00 CET " +
			"Next attempt none is planned Last error Fatal RequestRefused The LMS calls the request wrong.",
		"Waiting Being worked on Queued What to do: Wait: it goes on by itself. If it stays so, see whether the Course and the LearningPlatform are Ready. " +
			"Access 2041-10-01 without an end Enrolled not known",
		"Past Access ended so long ago that its details are no longer kept. In step Synced Access Ended: 2017-10-01 to 2018-09-30",
		"Old dropped The document does not list this course any more. The learner is being withdrawn from it. " +
			"Being worked on Throttled The call budget is spent. What to do: Wait: it goes on by itself. " +
			"Access Open: 2039-10-01 to 2040-09-30 Enrolled yes",
		"Zextra extra The document does not list this course; somebody has made the enrollment besides it. " +
			"On hold Suspended spec.suspend holds all work; what was done stays. What to do: Lift spec.suspend of the Contact when the work is to go on. " +
			"Access Upcoming: 2039-10-01 to 2040-09-30 Enrolled not known",
	})
}

func TestThePageAndTheJSONAreOneResource(t *testing.T) {
	d := openWithAnn(t)
	plain := d.get("000777")
	a := d.browse(http.MethodGet, "000777", nil)
	for name, want := range map[string]string{"ETag": plain.header.Get("ETag"), revisionHeader: "42", "Vary": "Accept", "Cache-Control": "no-store"} {
		if got := a.header.Get(name); got != want || got == "" {
			t.Errorf("the page has %s %q, want %q", name, got, want)
		}
		if got := plain.header.Get(name); got != want {
			t.Errorf("JSON has %s %q, want %q", name, got, want)
		}
	}
	head := d.browse(http.MethodHead, "000777", nil)
	if head.status != http.StatusOK || head.body != "" || head.header.Get("ETag") != a.header.Get("ETag") || head.header.Get("Content-Type") != a.header.Get("Content-Type") {
		t.Errorf("HEAD = %d %v %q", head.status, head.header, head.body)
	}
	for accept, want := range map[string]string{
		browser:                             "text/html; charset=utf-8",
		"application/json, text/html;q=0.9": "application/json",
		"":                                  "application/json",
		"image/png":                         "application/json",
	} {
		a := d.send(request{method: http.MethodGet, path: pathOf("000777"), header: http.Header{"Accept": {accept}}})
		if got := a.header.Get("Content-Type"); a.status != http.StatusOK || got != want || a.header.Get("Vary") != "Accept" {
			t.Errorf("Accept %q is answered with %d %q and %v, want %s", accept, a.status, got, a.header, want)
		}
	}
}

func TestThePageIsForThoseWhoMayReadTheDocument(t *testing.T) {
	d := openWithAnn(t)
	mute := d.issue("mute")
	for name, test := range map[string]struct {
		contactID string
		token     *string
		status    int
		want      string
	}{
		"no credential":    {"000777", new(""), http.StatusUnauthorized, "Not authenticated"},
		"a wrong one":      {"000777", new("wrong"), http.StatusUnauthorized, "Not authenticated"},
		"no permission":    {"000777", &mute, http.StatusForbidden, "Not allowed"},
		"no such contact":  {"nobody", nil, http.StatusNotFound, "Not found"},
		"no such resource": {"000777/more", nil, http.StatusNotFound, "Not found"},
	} {
		a := d.browse(http.MethodGet, test.contactID, test.token)
		asJSON := d.send(request{method: http.MethodGet, path: pathOf(test.contactID), token: test.token})
		if a.status != test.status || asJSON.status != test.status {
			t.Errorf("%s: GET = %d, as JSON %d; want %d", name, a.status, asJSON.status, test.status)
		}
		shown := a.page(t)
		if want := test.want + " " + asJSON.problem(t).Detail; !strings.HasPrefix(textsOf(shown, atom.Main)[0], want) {
			t.Errorf("%s: the page says %q, want %q", name, textsOf(shown, atom.Main), want)
		}
		if strings.Contains(a.body, "Hara") || strings.Contains(a.body, "acme") {
			t.Errorf("%s: the page shows the learner:\n%s", name, a.body)
		}
		for _, header := range []string{"Www-Authenticate", "Vary"} {
			if a.header.Get(header) != asJSON.header.Get(header) {
				t.Errorf("%s: %s is %q, and %q with JSON", name, header, a.header.Get(header), asJSON.header.Get(header))
			}
		}
	}
	if a := d.send(request{method: http.MethodDelete, path: pathOf("000777"), header: http.Header{"Accept": {browser}}}); a.problem(t).Type != "/problems/method-not-allowed" {
		t.Errorf("DELETE = %d %s", a.status, a.body)
	}
	d.wire.breakWith(func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	a := d.browse(http.MethodGet, "000777", new("not seen before"))
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("GET without an API server = %d %v", a.status, a.header)
	}
	if got := textsOf(a.page(t), atom.H1); got[0] != "Not available now" {
		t.Errorf("the page says %q", got)
	}
}

func TestThePageSaysHowAContactIsHeldAndLetGo(t *testing.T) {
	now := time.Date(2040, time.July, 15, 12, 0, 0, 0, time.UTC)
	contact := func(change func(*v1alpha1.Contact)) *record {
		made := &v1alpha1.Contact{Spec: v1alpha1.ContactSpec{ContactID: "1", FirstName: "A", LastName: "B", Email: "a@acme.com"}}
		change(made)
		return &record{contact: made}
	}
	for name, test := range map[string]struct {
		record *record
		want   string
	}{
		"just stored": {contact(func(*v1alpha1.Contact) {}),
			"Being worked on Queued Stored; the work on it has not begun."},
		"without an account": {contact(func(*v1alpha1.Contact) {}), "The account on the LMS None is known yet."},
		"without courses":    {contact(func(*v1alpha1.Contact) {}), "The document lists no course."},
		"from GitOps":        {contact(func(*v1alpha1.Contact) {}), "Received not through the ingest API Revision none was given"},
		"revision 0": {contact(func(c *v1alpha1.Contact) {
			c.Annotations = map[string]string{v1alpha1.DocumentRevisionAnnotation: "0"}
		}), "Revision 0 "},
		"account made, not active": {contact(func(c *v1alpha1.Contact) {
			c.Status.Learner = v1alpha1.LearnerStatus{Username: "ab", ProvisionedBy: v1alpha1.ProvisionedByCreation, Active: new(false)}
		}), "Username ab How it came about Rollcall made it. Active no"},
		"failed attempts": {contact(func(c *v1alpha1.Contact) {
			c.Status.Attempts = &v1alpha1.Attempts{Count: 2, LastTime: metav1.NewTime(now), LastError: v1alpha1.AttemptError{
				Class: "Conflict", Reason: "EmailUnavailable", Message: "The LMS refuses the e-mail address."}}
		}), "Failed attempts 2, the last one on 15 July 2040, 12:00:00 UTC Next attempt none is planned Last error Conflict EmailUnavailable The LMS refuses the e-mail address."},
		"suspended": {contact(func(c *v1alpha1.Contact) { c.Spec.Suspend = new(true) }),
			"All work on this learner is held: somebody has set spec.suspend."},
		"being deleted": {contact(func(c *v1alpha1.Contact) { c.DeletionTimestamp = new(metav1.NewTime(now)) }),
			"This contact is being deleted, since 15 July 2040, 12:00:00 UTC. The learner is withdrawn from the document's courses first."},
		"being orphaned": {contact(func(c *v1alpha1.Contact) {
			c.DeletionTimestamp, c.Spec.DeletionPolicy = new(metav1.NewTime(now)), v1alpha1.DeletionOrphan
		}), "The learner stays enrolled on the LMS."},
	} {
		if got := textsOf(render(test.record, now).page(t), atom.Main)[0]; !strings.Contains(got, test.want) {
			t.Errorf("%s: the page says %s, want %s", name, got, test.want)
		}
	}
}

func TestWhatASuspendedContactHoldsBackIsNotSaidToBeUnderWay(t *testing.T) {
	contact := &v1alpha1.Contact{Spec: v1alpha1.ContactSpec{ContactID: "1", Suspend: new(true)}}
	made := func(code string) *v1alpha1.Enrollment {
		enrollment := &v1alpha1.Enrollment{Spec: v1alpha1.EnrollmentSpec{CourseCode: code, AccessStartDate: "2039-10-01"}}
		enrollment.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(contact, v1alpha1.GroupVersion.WithKind("Contact"))}
		stand(&enrollment.Status.ObjectStatus, 0, "", v1alpha1.ReasonSuspended, "spec.suspend holds all work.")
		return enrollment
	}
	articles := textsOf(render(&record{contact: contact, courses: []course{
		{sent: &v1alpha1.CourseAccess{CourseCode: "Moved", AccessStartDate: "2040-10-01"}, made: made("Moved")},
		{made: made("Old")},
	}}, time.Now()).page(t), atom.Article)
	for i, want := range []string{
		"Moved On hold Suspended ",
		"Old dropped The document does not list this course any more. The learner will be withdrawn from it when spec.suspend is lifted. On hold Suspended ",
	} {
		if !strings.HasPrefix(articles[i], want) {
			t.Errorf("the page says %s, want %s", articles[i], want)
		}
	}
}

func TestMarkupInARecordIsText(t *testing.T) {
	const hostile = `<script>alert(1)</script></style><img src=x onerror="alert(1)"> {{.}} ' " ` + "`" + ` javascript:alert(1) \u202e`
	attempts := &v1alpha1.Attempts{Count: 1, LastError: v1alpha1.AttemptError{Class: hostile, Reason: hostile, Message: hostile}}
	var status v1alpha1.ObjectStatus
	stand(&status, 0, v1alpha1.ConditionConflict, hostile, hostile)
	found := &record{
		contact: &v1alpha1.Contact{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.DocumentSourceAnnotation: hostile, v1alpha1.DocumentRequestIDAnnotation: hostile}},
			Spec:       v1alpha1.ContactSpec{ContactID: hostile, FirstName: hostile, LastName: hostile, Email: hostile},
			Status: v1alpha1.ContactStatus{ObjectStatus: status, Attempts: attempts,
				Learner: v1alpha1.LearnerStatus{Username: hostile, ProvisionedBy: hostile}},
		},
		courses: []course{
			{sent: &v1alpha1.CourseAccess{CourseCode: hostile, AccessStartDate: hostile, AccessEndDate: hostile}},
			{made: &v1alpha1.Enrollment{
				Spec:   v1alpha1.EnrollmentSpec{CourseCode: hostile, AccessStartDate: hostile, AccessEndDate: hostile},
				Status: v1alpha1.EnrollmentStatus{ObjectStatus: status, Attempts: attempts, Access: hostile, Mode: hostile, CourseKey: hostile},
			}},
		},
	}
	shown := render(found, time.Now()).page(t) // which finds no element but those of a page
	if got := strings.Count(textsOf(shown, atom.Body)[0], strings.Join(strings.Fields(hostile), " ")); got != 29 {
		t.Errorf("the text is there %d times, want 29:\n%s", got, textsOf(shown, atom.Body)[0])
	}
}

// render gives the page of a record without a door.
func render(found *record, now time.Time) answer {
	recorder := httptest.NewRecorder()
	page.Write(recorder, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, recordPage, viewOf(found, now))
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// ann is a learner whose courses stand in every way there is.
const ann = `{"Contact": {"ContactID": "000777", "FirstName": "Ann & Bo", "LastName": "O'Hara", "Email": "ann@acme.com", "Enrollments": [
	{"CourseCode": "Open", "AccessStartDate": "2039-10-01", "AccessEndDate": "2040-09-30"},
	{"CourseCode": "Missing", "AccessStartDate": "2039-10-01", "AccessEndDate": "2040-09-30"},
	{"CourseCode": "Moved", "AccessStartDate": "2039-10-01"},
	{"CourseCode": "Retried", "AccessStartDate": "2039-10-01", "AccessEndDate": "2040-09-30"},
	{"CourseCode": "Refused", "AccessStartDate": "2039-10-01", "AccessEndDate": "2040-09-30"},
	{"CourseCode": "Waiting", "AccessStartDate": "2041-10-01"},
	{"CourseCode": "Past", "AccessStartDate": "2017-10-01", "AccessEndDate": "2018-09-30"}]}}`

// openWithAnn stores ann's document, and what controllers would say of it.
func openWithAnn(t *testing.T) *door {
	t.Helper()
	ctx := context.Background()
	now := time.Date(2040, time.January, 15, 12, 0, 0, 0, time.UTC)
	d := open(t, func(o *Options) { o.Clock = clocktesting.NewFakePassiveClock(now) })
	platform := &v1alpha1.LearningPlatform{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "default"},
		Spec: v1alpha1.LearningPlatformSpec{URL: "https://learn.example.com", TimeZone: "Europe/Berlin",
			CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}},
	}
	must(t, d.admin.Create(ctx, platform))
	d.seen(platform)
	d.send(request{method: http.MethodPut, path: pathOf("000777"), body: ann, header: http.Header{revisionHeader: {"42"}, "X-Request-Id": {"order-4711"}}})

	contact := d.contact("000777")
	contact.Status.Learner = v1alpha1.LearnerStatus{Username: "ann_ohara", ProvisionedBy: v1alpha1.ProvisionedByAdoption, Active: new(true)}
	contact.Status.LastSyncTime = new(metav1.NewTime(now.Add(-48 * time.Hour)))
	stand(&contact.Status.ObjectStatus, contact.Generation, v1alpha1.ConditionStalled, v1alpha1.ReasonRequestRefused, "1 of 7 enrollments need somebody.")
	must(t, d.admin.Status().Update(ctx, contact))
	d.seen(contact)

	attempts := func(class, reason, message string, next *metav1.Time) *v1alpha1.Attempts {
		return &v1alpha1.Attempts{Count: 3, Basis: "basis", LastTime: metav1.NewTime(now.Add(-time.Hour)), NextTime: next,
			LastError: v1alpha1.AttemptError{Class: v1alpha1.ErrorClass(class), Reason: reason, Message: message}}
	}
	for _, made := range []struct {
		code, condition, reason, message string
		byHand                           bool
		status                           v1alpha1.EnrollmentStatus
	}{
		{"Open", v1alpha1.ConditionReady, v1alpha1.ReasonSynced, "The learner is enrolled.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen, Enrolled: new(true), Mode: "audit", CourseKey: "course-v1:GK+Open+2039", LastSyncTime: new(metav1.NewTime(now.Add(-48 * time.Hour)))}},
		{"Missing", v1alpha1.ConditionConflict, v1alpha1.ReasonCourseNotFound, "No Course carries the course code Missing.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen}},
		{"Moved", v1alpha1.ConditionReady, v1alpha1.ReasonSynced, "The learner is enrolled.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen, Enrolled: new(true)}},
		{"Retried", v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, "The LMS failed on this request.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen, Attempts: attempts("Transient", "ServerError", "The LMS failed on this request.", new(metav1.NewTime(now.Add(time.Minute))))}},
		{"Refused", v1alpha1.ConditionStalled, v1alpha1.ReasonRequestRefused, "The LMS calls the request wrong.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen, Enrolled: new(false), Attempts: attempts("Fatal", "RequestRefused", "The LMS calls the request wrong.", nil)}},
		{"Old", v1alpha1.ConditionReconciling, v1alpha1.ReasonThrottled, "The call budget is spent.", false, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessOpen, Enrolled: new(true)}},
		{"Zextra", "", v1alpha1.ReasonSuspended, "spec.suspend holds all work; what was done stays.", true, v1alpha1.EnrollmentStatus{
			Access: v1alpha1.AccessUpcoming}},
	} {
		enrollment := &v1alpha1.Enrollment{
			ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: names.Enrollment("000777", made.code)},
			Spec: v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: contact.Name},
				CourseCode: made.code, AccessStartDate: "2039-10-01", AccessEndDate: "2040-09-30"},
		}
		if !made.byHand {
			enrollment.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(contact, v1alpha1.GroupVersion.WithKind("Contact"))}
		}
		must(t, d.admin.Create(ctx, enrollment))
		enrollment.Status = made.status
		stand(&enrollment.Status.ObjectStatus, enrollment.Generation, made.condition, made.reason, made.message)
		must(t, d.admin.Status().Update(ctx, enrollment))
		d.seen(enrollment)
	}
	return d
}

// stand sets the conditions as the controllers do.
func stand(status *v1alpha1.ObjectStatus, generation int64, condition, reason, message string) {
	is := metav1.ConditionFalse
	switch condition {
	case v1alpha1.ConditionReady:
		is = metav1.ConditionTrue
	case "":
		is = metav1.ConditionUnknown
	default:
		status.Conditions = append(status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue,
			ObservedGeneration: generation, Reason: reason, Message: message, LastTransitionTime: metav1.Now()})
	}
	ready(status, generation, is, reason, message)
}
