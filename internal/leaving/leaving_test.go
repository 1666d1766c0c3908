package leaving

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
)

const (
	namespace = "default"
	keyK      = "course-v1:Acme+K+2026"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }

func contact(name, username string) *v1alpha1.Contact {
	c := &v1alpha1.Contact{ObjectMeta: named(name)}
	c.Spec.PlatformRef.Name, c.Status.Learner.Username = "default", username
	return c
}

func course(code, key string) *v1alpha1.Course {
	c := &v1alpha1.Course{ObjectMeta: named(code)}
	c.Spec.PlatformRef.Name, c.Spec.CourseCode, c.Spec.CourseKey = "default", code, key
	return c
}

// sold is an Enrollment of a contact in a course that nobody has carried out yet.
func sold(name, contact, code string) *v1alpha1.Enrollment {
	e := &v1alpha1.Enrollment{ObjectMeta: named(name)}
	e.Spec.ContactRef.Name, e.Spec.CourseCode, e.Spec.AccessStartDate = contact, code, "2026-01-01"
	return e
}

// enrolled is one by which the account was enrolled in K.
func enrolled(e *v1alpha1.Enrollment, username string) *v1alpha1.Enrollment {
	e.Status.Platform, e.Status.Username, e.Status.CourseKey, e.Status.Enrolled = "default", username, keyK, new(true)
	return e
}

func ended(e *v1alpha1.Enrollment) *v1alpha1.Enrollment {
	e.Spec.AccessEndDate = "2026-02-01"
	return e
}

func deleted(e *v1alpha1.Enrollment) *v1alpha1.Enrollment {
	e.DeletionTimestamp, e.Finalizers = new(metav1.NewTime(now)), []string{v1alpha1.WithdrawalFinalizer}
	return e
}

// held are objects that are found by the indexes of a cache.
type held struct {
	client.Reader
	objects []client.Object
	indexes map[string]func(client.Object) []string
}

func (h *held) IndexField(_ context.Context, kind client.Object, name string, keys client.IndexerFunc) error {
	h.indexes[name] = func(object client.Object) []string {
		if reflect.TypeOf(object) != reflect.TypeOf(kind) {
			return nil
		}
		return keys(object)
	}
	return nil
}

func (h *held) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var found []runtime.Object
	for _, wanted := range (&client.ListOptions{}).ApplyOptions(options).FieldSelector.Requirements() {
		for _, object := range h.objects {
			if slices.Contains(h.indexes[wanted.Field](object), wanted.Value) {
				found = append(found, object)
			}
		}
	}
	return meta.SetList(list, found)
}

func TestLosesCourse(t *testing.T) {
	courseK := course("K", keyK)
	for name, test := range map[string]struct {
		left    *v1alpha1.Enrollment
		contact *v1alpha1.Contact // which it is of, as the caller knows it
		others  []client.Object
		loses   bool
	}{
		"NobodyElseKeepsIt": {
			left: ended(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK}, loses: true,
		},
		"TheContactsOtherKeepsIt": {
			left: ended(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK, enrolled(sold("other", "a", "K"), "joe")},
		},
		"AnEndedOneKeepsNobody": {
			left: deleted(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK, ended(enrolled(sold("other", "a", "K"), "joe"))}, loses: true,
		},
		"ADeletedOneOfAContactThatIsGoneLeavesTheAccountsHolderInTheCourse": {
			left:   deleted(enrolled(sold("left", "a", "K"), "joe")),
			others: []client.Object{courseK, contact("b", "joe"), enrolled(sold("other", "b", "K"), "joe")},
		},
		"AnEndedOneOfAContactThatIsGoneLeavesTheAccountsHolderInTheCourse": {
			left:   ended(enrolled(sold("left", "a", "K"), "joe")),
			others: []client.Object{courseK, contact("b", "joe"), enrolled(sold("other", "b", "K"), "joe")},
		},
		"AHolderWhoWasNotSoldTheCourseLosesIt": {
			left:   deleted(enrolled(sold("left", "a", "K"), "joe")),
			others: []client.Object{courseK, contact("b", "joe")}, loses: true,
		},
		"AnotherOneOfAContactThatIsGoneKeepsIt": {
			left:   deleted(enrolled(sold("left", "a", "K"), "joe")),
			others: []client.Object{courseK, contact("b", "joe"), enrolled(sold("other", "a", "K"), "joe")},
		},
		"AContactThatGaveItsAccountAwayLeavesTheHolderInTheCourse": {
			left: deleted(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", ""),
			others: []client.Object{courseK, contact("b", "joe"), enrolled(sold("other", "b", "K"), "joe")},
		},
		"TheContactsOtherDoesNotKeepTheAccountItHadBefore": {
			left: enrolled(sold("left", "a", "K"), "joe"), contact: contact("a", "joe2"),
			others: []client.Object{courseK, enrolled(sold("other", "a", "K"), "joe")}, loses: true,
		},
		"OneWhoseCourseIsGoneKeepsWhatItEnrolledIn": {
			left: ended(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK, enrolled(sold("other", "a", "GONE"), "joe")},
		},
		"OneThatNeverEnrolledAndWhoseCourseIsGoneKeepsNobody": {
			left: ended(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK, sold("other", "a", "GONE")}, loses: true,
		},
		"OneWhoseCourseStandsForAnotherNowDoesNotKeepIt": {
			left: ended(enrolled(sold("left", "a", "K"), "joe")), contact: contact("a", "joe"),
			others: []client.Object{courseK, course("L", "course-v1:Acme+L+2026"), enrolled(sold("other", "a", "L"), "joe")}, loses: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader := &held{objects: append(test.others, test.left), indexes: map[string]func(client.Object) []string{}}
			if test.contact != nil {
				reader.objects = append(reader.objects, test.contact)
			}
			if err := index.Register(t.Context(), reader); err != nil {
				t.Fatal(err)
			}
			var all v1alpha1.EnrollmentList
			if err := reader.List(t.Context(), &all, client.MatchingFields{index.EnrollmentByContact: test.left.Spec.ContactRef.Name}); err != nil {
				t.Fatal(err)
			}
			platform := &v1alpha1.LearningPlatform{ObjectMeta: named("default")}
			platform.Spec.TimeZone = "UTC"
			loses, err := LosesCourse(t.Context(), reader, test.left, test.contact, all.Items, platform, now)
			if err != nil || loses != test.loses {
				t.Errorf("loses the course: %v (%v), want %v", loses, err, test.loses)
			}
		})
	}
}
