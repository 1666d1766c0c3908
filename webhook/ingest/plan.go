package ingest

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=learningplatforms,verbs=get;list;watch

// plan is what a document would bring about, as a dry run finds it.
type plan struct {
	// Changes are the members of the stored document that would become others, in the order of the document.
	Changes []change `json:"Changes"`
	// Withdrawals are the courses that the learner may be enrolled in on the LMS and would lose there. What holds the work
	// up, such as a Contact that is suspended or an LMS that does not answer, only puts them off, so they are listed.
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

// plan says what a document that was rehearsed would bring about.
func (s *store) plan(ctx context.Context, rehearsed stored) (*plan, error) {
	made := &plan{Changes: changes(rehearsed.before, &rehearsed.contact.Spec), Withdrawals: []withdrawal{}}
	if rehearsed.before == nil {
		return made, nil
	}
	withdrawals, err := s.withdrawals(ctx, rehearsed.contact)
	if err != nil {
		return nil, err
	}
	made.Withdrawals = withdrawals
	return made, nil
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
