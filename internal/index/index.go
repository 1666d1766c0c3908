// Package index names the indexes of the informer cache: how controllers and doors find objects by what the back office
// and the LMS call them, without a look at all of them.
package index

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// The indexes, for client.MatchingFields. Where a value means something only on one platform, its key is made by Key.
const (
	// CourseByCode finds Courses by platform and course code.
	CourseByCode = "rollcall.courseByCode"
	// ContactByEmail finds Contacts by platform and e-mail address; upper and lower case count as the same (EmailKey).
	ContactByEmail = "rollcall.contactByEmail"
	// ContactByUsername finds Contacts by platform and username on the LMS.
	ContactByUsername = "rollcall.contactByUsername"
	// ContactByConflict finds Contacts with a conflict by platform and its reason.
	ContactByConflict = "rollcall.contactByConflict"
	// ContactInWork finds Contacts that are not known to be in step, and so may wait for their platform, by its name.
	ContactInWork = "rollcall.contactInWork"
	// EnrollmentInWork does so for Enrollments; those that were never carried out are under the empty name.
	EnrollmentInWork = "rollcall.enrollmentInWork"
	// EnrollmentByContact finds Enrollments by the name of their Contact.
	EnrollmentByContact = "rollcall.enrollmentByContact"
	// EnrollmentByCourse finds Enrollments by course code.
	EnrollmentByCourse = "rollcall.enrollmentByCourse"
	// MentorByCourse finds CourseMentors by platform and course code.
	MentorByCourse = "rollcall.mentorByCourse"
	// MentorByConfigMap finds CourseMentors by the names of the ConfigMaps that hold their or their deputies' e-mail addresses.
	MentorByConfigMap = "rollcall.mentorByConfigMap"
	// MessageByContact finds LearnerMessages by the name of the Contact that wrote them.
	MessageByContact = "rollcall.messageByContact"
)

// Key is the key of a value that belongs to a platform.
func Key(platform, value string) string { return platform + "/" + value }

// EmailKey is the key of an e-mail address in ContactByEmail.
func EmailKey(platform, email string) string { return Key(platform, strings.ToLower(email)) }

// Register adds the indexes to a cache. It has to be called before the cache starts.
func Register(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		kind client.Object
		name string
		keys client.IndexerFunc
	}{
		{&v1alpha1.Course{}, CourseByCode, func(object client.Object) []string {
			spec := &object.(*v1alpha1.Course).Spec
			return []string{Key(spec.PlatformRef.Name, spec.CourseCode)}
		}},
		{&v1alpha1.Contact{}, ContactByEmail, func(object client.Object) []string {
			spec := &object.(*v1alpha1.Contact).Spec
			return []string{EmailKey(spec.PlatformRef.Name, spec.Email)}
		}},
		{&v1alpha1.Contact{}, ContactByUsername, func(object client.Object) []string {
			contact := object.(*v1alpha1.Contact)
			if contact.Status.Learner.Username == "" {
				return nil
			}
			return []string{Key(contact.Spec.PlatformRef.Name, contact.Status.Learner.Username)}
		}},
		{&v1alpha1.Contact{}, ContactByConflict, func(object client.Object) []string {
			contact := object.(*v1alpha1.Contact)
			conflict := meta.FindStatusCondition(contact.Status.Conditions, v1alpha1.ConditionConflict)
			if conflict == nil {
				return nil
			}
			return []string{Key(contact.Spec.PlatformRef.Name, conflict.Reason)}
		}},
		{&v1alpha1.Contact{}, ContactInWork, func(object client.Object) []string {
			contact := object.(*v1alpha1.Contact)
			return ifInWork(contact, &contact.Status.ObjectStatus, contact.Spec.PlatformRef.Name)
		}},
		{&v1alpha1.Enrollment{}, EnrollmentInWork, func(object client.Object) []string {
			enrollment := object.(*v1alpha1.Enrollment)
			return ifInWork(enrollment, &enrollment.Status.ObjectStatus, enrollment.Status.Platform)
		}},
		{&v1alpha1.Enrollment{}, EnrollmentByContact, func(object client.Object) []string {
			return []string{object.(*v1alpha1.Enrollment).Spec.ContactRef.Name}
		}},
		{&v1alpha1.Enrollment{}, EnrollmentByCourse, func(object client.Object) []string {
			return []string{object.(*v1alpha1.Enrollment).Spec.CourseCode}
		}},
		{&v1alpha1.CourseMentor{}, MentorByCourse, func(object client.Object) []string {
			spec := &object.(*v1alpha1.CourseMentor).Spec
			return []string{Key(spec.PlatformRef.Name, spec.CourseCode)}
		}},
		{&v1alpha1.CourseMentor{}, MentorByConfigMap, func(object client.Object) []string {
			spec := &object.(*v1alpha1.CourseMentor).Spec
			named := []string{spec.EmailFrom.ConfigMapKeyRef.Name, spec.Deputy.EmailFrom.ConfigMapKeyRef.Name}
			return slices.DeleteFunc(named, func(name string) bool { return name == "" })
		}},
		{&v1alpha1.LearnerMessage{}, MessageByContact, func(object client.Object) []string {
			return []string{object.(*v1alpha1.LearnerMessage).Spec.ContactRef.Name}
		}},
	} {
		if err := indexer.IndexField(ctx, index.kind, index.name, index.keys); err != nil {
			return fmt.Errorf("cannot add index %s: %w", index.name, err)
		}
	}
	return nil
}

// ifInWork gives the key of an object that is not in step as it is now.
func ifInWork(object client.Object, status *v1alpha1.ObjectStatus, key string) []string {
	inStep := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) && status.ObservedGeneration == object.GetGeneration()
	if inStep && object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	return []string{key}
}
