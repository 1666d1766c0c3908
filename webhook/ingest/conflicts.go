package ingest

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rollcallv1alpha1 "rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=courses,verbs=get;list;watch

// conflicts finds what a document disagrees with, as the informers know it: courses that do not exist and an e-mail
// address that another contact holds.
func (s *store) conflicts(ctx context.Context, document rollcallv1alpha1.ContactSpec) ([]problem.Error, error) {
	var found []problem.Error

	// This waits for the writes of other documents in this process, so that of two callers one after the other the
	// second is told.
	var holders rollcallv1alpha1.ContactList
	if err := s.cached.List(ctx, &holders, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{index.ContactByEmail: index.EmailKey(platform, document.Email)}); err != nil {
		return nil, fmt.Errorf("cannot look up the e-mail address: %w", err)
	}
	if holder := claim.EmailHolder(holders.Items); holder != nil && holder.Spec.ContactID != document.ContactID {
		found = append(found, problem.Error{Pointer: "/Contact/Email", Reason: rollcallv1alpha1.ReasonEmailInUse,
			Detail: "Another contact holds this e-mail address."})
	}

	for i, access := range document.Enrollments {
		var courses rollcallv1alpha1.CourseList
		if err := s.cached.List(ctx, &courses, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
			client.DisableReadYourWritesConsistency, // ingest writes no Courses
			client.MatchingFields{index.CourseByCode: index.Key(platform, access.CourseCode)}); err != nil {
			return nil, fmt.Errorf("cannot look up a course: %w", err)
		}
		if !slices.ContainsFunc(courses.Items, exists) {
			found = append(found, problem.Error{
				Pointer: "/Contact/Enrollments/" + strconv.Itoa(i) + "/CourseCode",
				Reason:  rollcallv1alpha1.ReasonCourseNotFound,
				Detail:  "No course with this code exists.",
			})
		}
	}
	return found, nil
}

// exists is false for a Course that goes away, and for one whose key the LMS does not know.
func exists(course rollcallv1alpha1.Course) bool {
	conflict := meta.FindStatusCondition(course.Status.Conditions, rollcallv1alpha1.ConditionConflict)
	unknown := conflict != nil && conflict.Reason == rollcallv1alpha1.ReasonCourseNotFound
	return course.DeletionTimestamp.IsZero() && !unknown
}
