package ingest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/names"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=learningplatforms,verbs=get;list;watch

// plan is what a document would bring about, as a dry run finds it.
type plan struct {
	// Changes are the members of the stored document that would become others, in the order of the document.
	Changes []change `json:"Changes"`
	// Withdrawals are the courses that the learner is enrolled in and would be withdrawn from.
	Withdrawals []withdrawal `json:"Withdrawals"`
}

// change is a member of the document that the stored one does not have, has otherwise, or has alone.
type change struct {
	// Pointer is the member's place in the document that was sent; where it was dropped, in the stored one.
	Pointer string `json:"Pointer"`
	// CourseCode is there for what belongs to an enrollment.
	CourseCode string     `json:"CourseCode,omitzero"`
	Change     changeKind `json:"Change"`
}

type changeKind string

const (
	added   changeKind = "Added"
	changed changeKind = "Changed"
	dropped changeKind = "Dropped"
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

// plan says what a document that was rehearsed would bring about.
func (s *store) plan(ctx context.Context, rehearsed stored) (*plan, error) {
	made := &plan{Changes: changes(rehearsed.before, &rehearsed.contact.Spec), Withdrawals: []withdrawal{}}
	if rehearsed.before == nil {
		return made, nil
	}
	enrollments, err := s.enrollments(ctx, rehearsed.contact)
	if err != nil {
		return nil, err
	}
	zone, err := s.zone(ctx)
	if err != nil {
		return nil, err
	}
	listed := make(map[string]*v1alpha1.CourseAccess, len(rehearsed.contact.Spec.Enrollments))
	for i := range rehearsed.contact.Spec.Enrollments {
		course := &rehearsed.contact.Spec.Enrollments[i]
		listed[names.Enrollment(rehearsed.contact.Spec.ContactID, course.CourseCode)] = course
	}
	for i := range enrollments {
		enrollment := &enrollments[i]
		if !ptr.Deref(enrollment.Status.Enrolled, false) {
			continue
		}
		course, kept := listed[enrollment.Name]
		switch {
		case !kept && metav1.IsControlledBy(enrollment, rehearsed.contact):
			made.Withdrawals = append(made.Withdrawals, withdrawal{enrollment.Spec.CourseCode, courseDropped})
		case kept && zone != nil && !s.open(course, zone):
			made.Withdrawals = append(made.Withdrawals, withdrawal{course.CourseCode, windowShut})
		}
	}
	return made, nil
}

// zone is the platform's, or nil while there is none: then nobody knows when a day ends.
func (s *store) zone(ctx context.Context) (*time.Location, error) {
	found, err := s.platform(ctx, platform)
	if err != nil || found == nil {
		return nil, err
	}
	zone, err := time.LoadLocation(found.Spec.TimeZone)
	if err != nil {
		return nil, nil //nolint:nilerr // the platform's condition says that its zone is wrong
	}
	return zone, nil
}

// platform gives a LearningPlatform, or nil if there is none of that name.
func (s *store) platform(ctx context.Context, name string) (*v1alpha1.LearningPlatform, error) {
	found := &v1alpha1.LearningPlatform{}
	err := s.cached.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the LearningPlatform: %w", err)
	}
	return found, nil
}

func (s *store) open(course *v1alpha1.CourseAccess, zone *time.Location) bool {
	window, err := access.NewWindow(course.AccessStartDate, course.AccessEndDate, zone)
	if err != nil {
		return false
	}
	now, _ := window.At(s.clock.Now())
	return now == v1alpha1.AccessOpen
}

// changes compares the documents that two specs hold; before is nil where none was stored.
func changes(before, after *v1alpha1.ContactSpec) []change {
	if before == nil {
		return []change{{Pointer: "/Contact", Change: added}}
	}
	found := []change{}
	for _, member := range []struct{ pointer, before, after string }{
		{"/Contact/FirstName", before.FirstName, after.FirstName},
		{"/Contact/LastName", before.LastName, after.LastName},
		{"/Contact/Email", before.Email, after.Email},
	} {
		if member.before != member.after {
			found = append(found, change{Pointer: member.pointer, Change: changed})
		}
	}
	earlier := make(map[string]*v1alpha1.CourseAccess, len(before.Enrollments))
	for i := range before.Enrollments {
		earlier[before.Enrollments[i].CourseCode] = &before.Enrollments[i]
	}
	for i := range after.Enrollments {
		now := &after.Enrollments[i]
		at := "/Contact/Enrollments/" + strconv.Itoa(i)
		was, known := earlier[now.CourseCode]
		delete(earlier, now.CourseCode)
		if !known {
			found = append(found, change{at, now.CourseCode, added})
			continue
		}
		if was.AccessStartDate != now.AccessStartDate {
			found = append(found, change{at + "/AccessStartDate", now.CourseCode, changed})
		}
		switch end := at + "/AccessEndDate"; {
		case was.AccessEndDate == now.AccessEndDate:
		case was.AccessEndDate == "":
			found = append(found, change{end, now.CourseCode, added})
		case now.AccessEndDate == "":
			found = append(found, change{end, now.CourseCode, dropped})
		default:
			found = append(found, change{end, now.CourseCode, changed})
		}
	}
	for i := range before.Enrollments {
		if code := before.Enrollments[i].CourseCode; earlier[code] != nil {
			found = append(found, change{"/Contact/Enrollments/" + strconv.Itoa(i), code, dropped})
		}
	}
	return found
}
