package ingest

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/leaving"
	"rollcall.dev/rollcall/internal/names"
)

type withdrawal struct {
	CourseCode string           `json:"CourseCode"`
	Reason     withdrawalReason `json:"Reason"`
}

type withdrawalReason string

const (
	// courseDropped: the document does not list the course any more.
	courseDropped withdrawalReason = "Dropped"
	// windowShut: the document lists it with a window that is not open now.
	windowShut withdrawalReason = "WindowNotOpen"
)

// withdrawals are what the controllers would do about the Enrollments that a document drops or shuts. Without a platform
// they do nothing.
func (s *store) withdrawals(ctx context.Context, contact *v1alpha1.Contact) ([]withdrawal, error) {
	found := []withdrawal{}
	platform, err := s.platform(ctx, platform)
	if err != nil || platform == nil {
		return found, err
	}
	present, err := s.enrollments(ctx, contact)
	if err != nil {
		return nil, err
	}
	listed, after := enrollmentsAfter(contact, present)
	now := s.clock.Now()
	for i := range present {
		enrollment := &present[i]
		if !leaving.MayBeEnrolled(&enrollment.Status) {
			continue
		}
		reason := courseDropped
		if wanted := listed[enrollment.Name]; wanted != nil {
			window, err := access.WindowOf(wanted, platform)
			if err != nil {
				continue // the platform's condition says that its zone is wrong; until it is mended, no window shuts
			}
			if standing, _ := window.At(now); standing == v1alpha1.AccessOpen {
				continue
			}
			reason = windowShut
		} else if !metav1.IsControlledBy(enrollment, contact) || enrollment.Spec.DeletionPolicy == v1alpha1.DeletionOrphan {
			continue
		}
		loses, err := leaving.LosesCourse(ctx, s.cached, enrollment, contact, after, platform, now)
		if err != nil {
			return nil, err
		}
		if loses {
			found = append(found, withdrawal{enrollment.Spec.CourseCode, reason})
		}
	}
	return found, nil
}

// enrollmentsAfter are the Enrollments that a document leaves: those that it lists, by their names, and all of them with
// those that people made besides.
func enrollmentsAfter(contact *v1alpha1.Contact, present []v1alpha1.Enrollment) (listed map[string]*v1alpha1.EnrollmentSpec, all []v1alpha1.Enrollment) {
	listed = make(map[string]*v1alpha1.EnrollmentSpec, len(contact.Spec.Enrollments))
	for _, course := range contact.Spec.Enrollments {
		name := names.Enrollment(contact.Spec.ContactID, course.CourseCode)
		spec := v1alpha1.EnrollmentSpec{CourseCode: course.CourseCode, AccessStartDate: course.AccessStartDate, AccessEndDate: course.AccessEndDate}
		listed[name] = &spec
		all = append(all, v1alpha1.Enrollment{ObjectMeta: metav1.ObjectMeta{Namespace: contact.Namespace, Name: name}, Spec: spec})
	}
	for _, enrollment := range present {
		if i := slices.IndexFunc(all, func(kept v1alpha1.Enrollment) bool { return kept.Name == enrollment.Name }); i >= 0 {
			all[i].Status = enrollment.Status
		} else if !metav1.IsControlledBy(&enrollment, contact) {
			all = append(all, enrollment)
		}
	}
	return listed, all
}
