package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=enrollments,verbs=get;list;watch

// record is a learner's document and where it stands.
type record struct {
	contact *v1alpha1.Contact
	// platform is nil where the Contact names one that does not exist.
	platform *v1alpha1.LearningPlatform
	// courses are those of the document, in its order, and after them those that go beyond it: dropped ones that are being
	// withdrawn, and extra ones.
	courses []course
}

// course is a course of a document, an Enrollment, or both.
type course struct {
	// sent is what the document says of the course; nil where it does not list it.
	sent *v1alpha1.CourseAccess
	// made is the Enrollment; nil where there is none.
	made *v1alpha1.Enrollment
	// over is true for an access that ended so long ago that no Enrollment is kept.
	over bool
}

// record reads what is known of a contact.
func (s *store) record(ctx context.Context, contactID string) (*record, error) {
	contact := &v1alpha1.Contact{}
	key := client.ObjectKey{Namespace: s.namespace, Name: names.Contact(contactID)}
	err := s.cached.Get(ctx, key, contact)
	if apierrors.IsNotFound(err) && s.replicated { // another replica may just have stored it
		err = s.live.Get(ctx, key, contact)
	}
	if apierrors.IsNotFound(err) || err == nil && contact.Spec.ContactID != contactID {
		return nil, problem.NotFound("No document of this contact is stored.")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the Contact: %w", err)
	}
	enrollments, err := s.enrollments(ctx, contact)
	if err != nil {
		return nil, err
	}
	platform, err := s.platform(ctx, contact.Spec.PlatformRef.Name)
	if err != nil {
		return nil, err
	}
	return &record{contact, platform, s.courses(contact, enrollments, access.NewRetention(platform))}, nil
}

// courses brings the courses of a document and the Enrollments of its Contact together.
func (s *store) courses(contact *v1alpha1.Contact, enrollments []v1alpha1.Enrollment, retention access.Retention) []course {
	byName := make(map[string]*v1alpha1.Enrollment, len(enrollments))
	for i := range enrollments {
		byName[enrollments[i].Name] = &enrollments[i]
	}
	courses := make([]course, 0, len(contact.Spec.Enrollments))
	for i := range contact.Spec.Enrollments {
		sent := &contact.Spec.Enrollments[i]
		name := names.Enrollment(contact.Spec.ContactID, sent.CourseCode)
		_, over := retention.Left(sent, contact.CreationTimestamp.Time, s.clock.Now())
		courses = append(courses, course{sent: sent, made: byName[name], over: over && byName[name] == nil})
		delete(byName, name)
	}
	for i := range enrollments {
		if made, beyond := byName[enrollments[i].Name]; beyond {
			courses = append(courses, course{made: made})
		}
	}
	return courses
}

// enrollments gives the Enrollments of a Contact in the order of their names.
func (s *store) enrollments(ctx context.Context, contact *v1alpha1.Contact) ([]v1alpha1.Enrollment, error) {
	var list v1alpha1.EnrollmentList
	if err := s.cached.List(ctx, &list, client.InNamespace(s.namespace),
		client.DisableReadYourWritesConsistency, // ingest writes no Enrollments
		client.MatchingFields{index.EnrollmentByContact: contact.Name}); err != nil {
		return nil, fmt.Errorf("cannot read the Enrollments: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Enrollment) int { return cmp.Compare(a.Name, b.Name) })
	return list.Items, nil
}

func (c *course) code() string {
	if c.sent != nil {
		return c.sent.CourseCode
	}
	return c.made.Spec.CourseCode
}

// access says where today stands to the window, once that was looked at.
func (c *course) access() v1alpha1.Access {
	switch {
	case c.made != nil:
		return c.made.Status.Access
	case c.over:
		return v1alpha1.AccessEnded
	default:
		return ""
	}
}

// standing is how a Contact or a course stands.
type standing struct {
	// state is the word that `kubectl get` shows.
	state string
	// condition is the type of the condition that says of what kind the state is; empty while the work is suspended.
	condition string
	message   string
}

// queued is how something stands of which a newer document is stored than was worked on.
var queued = standing{v1alpha1.ReasonQueued, v1alpha1.ConditionReconciling, "Stored; the work on it has not begun."}

func (s standing) ready() bool { return s.condition == v1alpha1.ConditionReady }

// behind is true while the document says other days than the Enrollment, whose conditions then speak of an older document.
func (c *course) behind() bool {
	return c.sent != nil && c.made != nil &&
		(c.sent.AccessStartDate != c.made.Spec.AccessStartDate || c.sent.AccessEndDate != c.made.Spec.AccessEndDate)
}

func (c *course) standing() standing {
	switch {
	case c.made != nil:
		found := standingOf(c.made, c.made.Status.Conditions)
		if c.behind() && found.condition != "" { // what is on hold stays so
			return queued
		}
		return found
	case c.over:
		return standing{state: v1alpha1.ReasonSynced, condition: v1alpha1.ConditionReady}
	default:
		return standing{state: v1alpha1.ReasonQueued, condition: v1alpha1.ConditionReconciling}
	}
}

// standingOf reads the conditions. Those that speak of an older generation say nothing of the stored document.
func standingOf(object client.Object, conditions []metav1.Condition) standing {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration < object.GetGeneration() {
		return queued
	}
	found := standing{state: ready.Reason, message: ready.Message}
	switch {
	case ready.Status == metav1.ConditionTrue:
		found.condition = v1alpha1.ConditionReady
	case ready.Status == metav1.ConditionUnknown:
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionConflict):
		found.condition = v1alpha1.ConditionConflict
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled):
		found.condition = v1alpha1.ConditionStalled
	default:
		found.condition = v1alpha1.ConditionReconciling
	}
	return found
}
