// Package report puts side by side what was sold and what the LMS has, as the last sweeps found it. It reads LearningPlatforms
// and Courses, and so nothing about any person; it never asks the LMS.
package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// Report is what there is to tell at a time.
type Report struct {
	// Made is when.
	Made time.Time
	// Courses and Accounts are sorted by namespace, platform and course code.
	Courses  []Course
	Accounts []Accounts
}

// Course is what the last sweep of a Course found.
type Course struct {
	// Namespace and Platform of the Course, its code, and its title on the LMS.
	Namespace, Platform, Code, Title string
	// Swept is when that was; the zero time: never, and then the counts say nothing.
	Swept time.Time
	// Sold is how many learners should be enrolled, and Enrolled how many are, whoever brought them there.
	Sold, Enrolled int32
	// Missing were sold the course and are not enrolled; OtherMode are enrolled in another mode than the Course states.
	Missing, OtherMode int32
	// Overdue are enrolled though their access has ended or not begun; Unsold are Contacts whom nobody sold the course;
	// Strangers are no Contact's accounts.
	Overdue, Unsold, Strangers int32
}

// Accounts are what the last sweep of the accounts on a LearningPlatform found.
type Accounts struct {
	// Namespace and Platform name the LearningPlatform.
	Namespace, Platform string
	// Swept is as in Course.
	Swept time.Time
	// Compared is how many accounts there are. Of these Missing were not there under their username, Inactive were not active,
	// and Changed had another name or e-mail address than the learner's document.
	Compared, Missing, Inactive, Changed int32
}

// Make reads a namespace, or all where it is empty.
func Make(ctx context.Context, reader client.Reader, namespace string, now time.Time) (*Report, error) {
	var platforms v1alpha1.LearningPlatformList
	var courses v1alpha1.CourseList
	for _, list := range []client.ObjectList{&platforms, &courses} {
		if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("cannot read what the report is about: %w", err)
		}
	}
	report := &Report{Made: now}
	for i := range courses.Items {
		course := &courses.Items[i]
		found := &course.Status.Sweep
		report.Courses = append(report.Courses, Course{
			Namespace: course.Namespace, Platform: course.Spec.PlatformRef.Name, Code: course.Spec.CourseCode, Title: course.Status.Title,
			Swept: found.FinishedTime.Time, Sold: ptr.Deref(found.Sold, 0), Enrolled: ptr.Deref(found.Active, 0),
			Missing: ptr.Deref(found.Missing, 0), OtherMode: ptr.Deref(found.OtherMode, 0), Overdue: ptr.Deref(found.Overdue, 0),
			Unsold: ptr.Deref(found.Unsold, 0), Strangers: ptr.Deref(found.Strangers, 0),
		})
	}
	for i := range platforms.Items {
		platform := &platforms.Items[i]
		found := &platform.Status.AccountSweep
		report.Accounts = append(report.Accounts, Accounts{
			Namespace: platform.Namespace, Platform: platform.Name, Swept: found.FinishedTime.Time, Compared: ptr.Deref(found.Compared, 0),
			Missing: ptr.Deref(found.Missing, 0), Inactive: ptr.Deref(found.Inactive, 0), Changed: ptr.Deref(found.Changed, 0),
		})
	}
	slices.SortFunc(report.Courses, func(a, b Course) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Code, b.Code))
	})
	slices.SortFunc(report.Accounts, func(a, b Accounts) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Platform, b.Platform))
	})
	return report, nil
}

// Age says how long ago a sweep was.
func (r *Report) Age(swept time.Time) string {
	if swept.IsZero() {
		return "never"
	}
	return duration.HumanDuration(r.Made.Sub(swept)) + " ago"
}
