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

// conflicts are what a Contact, now that it holds a document, disagrees with, as the informers know it: an e-mail address
// that another one holds, and courses that do not exist. After a dry run it would hold the document.
func (s *store) conflicts(ctx context.Context, contact *v1alpha1.Contact, dryRun bool) ([]problem.Error, error) {
	if !dryRun {
		// This waits until the informer has the Contact as it was written. As every answer waits so, the second of two callers
		// that come one after the other is told of the first one's document; no answer waits for the writes of others.
		if err := s.cached.Get(ctx, client.ObjectKeyFromObject(contact), &v1alpha1.Contact{}); client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("cannot see the Contact: %w", err)
		}
	}
	spec := &contact.Spec
	var found []problem.Error

	var claimants v1alpha1.ContactList
	if err := s.cached.List(ctx, &claimants, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
		client.DisableReadYourWritesConsistency,
		client.MatchingFields{index.ContactByEmail: index.EmailKey(platform, spec.Email)}); err != nil {
		return nil, fmt.Errorf("cannot look up the e-mail address: %w", err)
	}
	if dryRun {
		others := slices.DeleteFunc(claimants.Items, func(c v1alpha1.Contact) bool { return c.Name == contact.Name })
		claimants.Items = slices.Concat(others, []v1alpha1.Contact{*contact})
	}
	if holder := claim.EmailHolder(claimants.Items); holder != nil && holder.Name != contact.Name {
		found = append(found, problem.Error{Pointer: "/Contact/Email", Reason: v1alpha1.ReasonEmailInUse,
			Detail: "Another contact holds this e-mail address."})
	}

	for i, access := range spec.Enrollments {
		var courses v1alpha1.CourseList
		if err := s.cached.List(ctx, &courses, client.InNamespace(s.namespace), client.UnsafeDisableDeepCopy,
			client.DisableReadYourWritesConsistency,
			client.MatchingFields{index.CourseByCode: index.Key(platform, access.CourseCode)}); err != nil {
			return nil, fmt.Errorf("cannot look up a course: %w", err)
		}
		if holder := claim.Oldest(courses.Items); holder == nil || !exists(holder) {
			found = append(found, problem.Error{
				Pointer: "/Contact/Enrollments/" + strconv.Itoa(i) + "/CourseCode",
				Reason:  v1alpha1.ReasonCourseNotFound,
				Detail:  "No course with this code exists.",
			})
		}
	}
	return found, nil
}

// exists is false for a Course whose key the LMS does not know.
func exists(course *v1alpha1.Course) bool {
	conflict := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ConditionConflict)
	unknown := conflict != nil && conflict.Reason == v1alpha1.ReasonCourseNotFound
	return !unknown
}
