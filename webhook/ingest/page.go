package ingest

import (
	_ "embed" // the template
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/advice"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/page"
)

//go:embed page.html
var recordTemplate string

// recordPage shows a record to a support person.
var recordPage = page.New(recordTemplate)

// view is a record as the page shows it. Its times are in the platform's zone.
type view struct {
	Now      time.Time
	Zone     string
	Contact  *v1alpha1.ContactSpec
	Standing standingView
	// InStep is how many of the document's courses are in step.
	InStep  int
	Learner *v1alpha1.LearnerStatus
	// Active says whether the account is.
	Active    string
	Suspended bool
	// Deleted is when the deletion was asked for.
	Deleted  *time.Time
	LastSync *time.Time
	Attempts *attemptsView
	Document documentView
	Courses  []courseView
}

// standingView says how something stands, and what to do.
type standingView struct {
	// Kind is the type of the condition behind it; Words say it to people.
	Kind, Words    string
	State, Message string
	Ready          bool
	Advice         string
}

type documentView struct {
	Digest   string
	Revision *int64
	Received *time.Time
	// Source is who sent it, and RequestID finds the request in the logs; both are empty where the document did not come
	// through ingest.
	Source, RequestID string
}

type courseView struct {
	Code     string
	Standing standingView
	// Sent are the days of the document; nil where it does not list the course.
	Sent *daysView
	// Days are those that Rollcall goes by now; Behind is true while the document says others.
	Days   daysView
	Behind bool
	// Dropped by the document, or an extra one that somebody made besides it.
	Dropped, Extra bool
	// Forgotten is true where no Enrollment is kept any more.
	Forgotten bool
	Deleted   *time.Time
	Access    v1alpha1.Access
	// Status is empty where there is no Enrollment; Enrolled says the status's in words.
	Status   v1alpha1.EnrollmentStatus
	Enrolled string
	LastSync *time.Time
	Attempts *attemptsView
}

type daysView struct{ Start, End v1alpha1.Date }

type attemptsView struct {
	Count     int32
	Last      *time.Time
	Next      *time.Time
	LastError v1alpha1.AttemptError
}

// viewOf shows a record as it is now.
func viewOf(found *record, now time.Time) view {
	zone := zoneOf(found.platform)
	contact := found.contact
	shown := view{
		Now:       now.In(zone),
		Zone:      zone.String(),
		Contact:   &contact.Spec,
		Standing:  standingViewOf(standingOf(contact, contact.Status.Conditions)),
		Learner:   &contact.Status.Learner,
		Active:    yesOrNo(contact.Status.Learner.Active),
		Suspended: ptr.Deref(contact.Spec.Suspend, false),
		Deleted:   moment(contact.DeletionTimestamp, zone),
		LastSync:  moment(contact.Status.LastSyncTime, zone),
		Attempts:  attemptsViewOf(contact.Status.Attempts, zone),
		Document: documentView{
			Digest:    documents.Digest(&contact.Spec)[:12],
			Revision:  documents.Revision(contact),
			Source:    contact.Annotations[v1alpha1.DocumentSourceAnnotation],
			RequestID: contact.Annotations[v1alpha1.DocumentRequestIDAnnotation],
		},
	}
	if received, err := time.Parse(time.RFC3339, contact.Annotations[v1alpha1.DocumentReceivedAnnotation]); err == nil {
		shown.Document.Received = new(received.In(zone))
	}
	for i := range found.courses {
		course := courseViewOf(&found.courses[i], contact, zone)
		if course.Sent != nil && course.Standing.Ready {
			shown.InStep++
		}
		shown.Courses = append(shown.Courses, course)
	}
	return shown
}

func courseViewOf(c *course, contact *v1alpha1.Contact, zone *time.Location) courseView {
	shown := courseView{
		Code:      c.code(),
		Standing:  standingViewOf(c.standing()),
		Access:    c.access(),
		Forgotten: c.over,
	}
	if sent := c.sent; sent != nil {
		shown.Days = daysView{sent.AccessStartDate, sent.AccessEndDate}
		shown.Sent = new(shown.Days)
	}
	if made := c.made; made != nil {
		shown.Days = daysView{made.Spec.AccessStartDate, made.Spec.AccessEndDate}
		shown.Behind = c.behind()
		shown.Status = made.Status
		shown.Dropped = c.sent == nil && metav1.IsControlledBy(made, contact)
		shown.Extra = c.sent == nil && !shown.Dropped
		shown.Deleted = moment(made.DeletionTimestamp, zone)
		shown.LastSync = moment(made.Status.LastSyncTime, zone)
		shown.Attempts = attemptsViewOf(made.Status.Attempts, zone)
	}
	shown.Enrolled = yesOrNo(shown.Status.Enrolled)
	return shown
}

// words say the kind of a state to people.
var words = map[string]string{
	v1alpha1.ConditionReady:       "In step",
	v1alpha1.ConditionReconciling: "Being worked on",
	v1alpha1.ConditionConflict:    "In conflict",
	v1alpha1.ConditionStalled:     "Needs somebody",
	"":                            "On hold",
}

func standingViewOf(s standing) standingView {
	return standingView{Kind: s.condition, Words: words[s.condition], State: s.state, Message: s.message, Ready: s.ready(), Advice: advice.For(s.state)}
}

func attemptsViewOf(attempts *v1alpha1.Attempts, zone *time.Location) *attemptsView {
	if attempts == nil {
		return nil
	}
	return &attemptsView{
		Count: attempts.Count, Last: moment(&attempts.LastTime, zone), Next: moment(attempts.NextTime, zone), LastError: attempts.LastError,
	}
}

// zoneOf gives the zone in which the page shows times: UTC while the platform has none.
func zoneOf(platform *v1alpha1.LearningPlatform) *time.Location {
	if platform == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(platform.Spec.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

func yesOrNo(answer *bool) string {
	switch {
	case answer == nil:
		return "not known"
	case *answer:
		return "yes"
	default:
		return "no"
	}
}

func moment(at *metav1.Time, zone *time.Location) *time.Time {
	if at == nil {
		return nil
	}
	return new(at.In(zone))
}
