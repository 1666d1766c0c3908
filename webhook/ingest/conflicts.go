package ingest

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=courses,verbs=get;list;watch

// surroundings are what a document may conflict with, as the informers know it.
type surroundings struct {
	// namesakes are the Contacts with the document's e-mail address.
	namesakes []v1alpha1.Contact
	// unknown are the courses that do not exist.
	unknown []problem.Error
}

func (s *store) surroundings(ctx context.Context, document v1alpha1.ContactSpec) (found surroundings, err error) {
	// This waits for the writes of other documents in this process, so that of two callers one after the other the
	// second is told.
	var namesakes v1alpha1.ContactList
	if err := s.cached.List(ctx, &namesakes, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{index.ContactByEmail: index.EmailKey(platform, document.Email)}); err != nil {
		return found, fmt.Errorf("cannot look up the e-mail address: %w", err)
	}
	found.namesakes = namesakes.Items

	for i, access := range document.Enrollments {
		var courses v1alpha1.CourseList
		if err := s.cached.List(ctx, &courses, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
			client.DisableReadYourWritesConsistency, // ingest writes no Courses
			client.MatchingFields{index.CourseByCode: index.Key(platform, access.CourseCode)}); err != nil {
			return found, fmt.Errorf("cannot look up a course: %w", err)
		}
		if !slices.ContainsFunc(courses.Items, exists) {
			found.unknown = append(found.unknown, problem.Error{
				Pointer: "/Contact/Enrollments/" + strconv.Itoa(i) + "/CourseCode",
				Reason:  v1alpha1.ReasonCourseNotFound,
				Detail:  "No course with this code exists.",
			})
		}
	}
	return found, nil
}

// conflicts are what the Contact, now that it holds the document, disagrees with: an e-mail address that another one
// holds, and courses that do not exist. It is asked after the write, since who holds an address depends on both.
func (s surroundings) conflicts(contact *v1alpha1.Contact) []problem.Error {
	claimants := []v1alpha1.Contact{*contact}
	for _, namesake := range s.namesakes {
		if namesake.Name != contact.Name {
			claimants = append(claimants, namesake)
		}
	}
	if claim.EmailHolder(claimants).Name == contact.Name {
		return s.unknown
	}
	return append([]problem.Error{{Pointer: "/Contact/Email", Reason: v1alpha1.ReasonEmailInUse,
		Detail: "Another contact holds this e-mail address."}}, s.unknown...)
}

// exists is false for a Course that goes away, and for one whose key the LMS does not know.
func exists(course v1alpha1.Course) bool {
	conflict := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ConditionConflict)
	unknown := conflict != nil && conflict.Reason == v1alpha1.ReasonCourseNotFound
	return course.DeletionTimestamp.IsZero() && !unknown
}
