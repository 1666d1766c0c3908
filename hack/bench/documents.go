package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// document and enrollment are what the back office sends.
type document struct {
	ContactID, FirstName, LastName, Email string
	Enrollments                           []enrollment
}

type enrollment struct{ CourseCode, AccessStartDate, AccessEndDate string }

const firstDay, lastDay, renewedLastDay = "2017-10-01", "2099-09-30", "2099-12-31"

// newDocument makes the document of a numbered learner, with access to all courses now.
func newDocument(prefix string, number, courses int) document {
	id := fmt.Sprintf("%s%06d", prefix, number)
	d := document{ContactID: id, FirstName: "Learner", LastName: "Number " + id, Email: id + "@example.com"}
	for i := range courses {
		d.Enrollments = append(d.Enrollments, enrollment{courseCode(i), firstDay, lastDay})
	}
	return d
}

// renewed gives the document a longer access to the first course: the usual reason for another document.
func (d document) renewed() document {
	d.Enrollments[0].AccessEndDate = renewedLastDay
	return d
}

func courseCode(i int) string { return fmt.Sprintf("course%02d", i) }

func courseKey(i int) string { return "course-v1:Bench+" + courseCode(i) + "+2017" }

// contact gives the object that ingest makes of the document, down to what it adds.
func (d document) contact(namespace string) *v1alpha1.Contact {
	c := &v1alpha1.Contact{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:  namespace,
			Name:       names.Contact(d.ContactID),
			Finalizers: []string{v1alpha1.WithdrawalFinalizer},
			Annotations: map[string]string{
				v1alpha1.DocumentReceivedAnnotation: time.Now().UTC().Format(time.RFC3339Nano),
				v1alpha1.DocumentSourceAnnotation:   "system:serviceaccount:" + namespace + ":back-office",
			},
		},
		Spec: v1alpha1.ContactSpec{
			ContactID: d.ContactID, FirstName: d.FirstName, LastName: d.LastName, Email: d.Email,
			PlatformRef: v1alpha1.PlatformReference{Name: "default"},
		},
	}
	for _, e := range d.Enrollments {
		c.Spec.Enrollments = append(c.Spec.Enrollments, v1alpha1.CourseAccess{
			CourseCode: e.CourseCode, AccessStartDate: v1alpha1.Date(e.AccessStartDate), AccessEndDate: v1alpha1.Date(e.AccessEndDate),
		})
	}
	return c
}

func course(namespace string, i int) *v1alpha1.Course {
	return &v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: courseCode(i)},
		Spec:       v1alpha1.CourseSpec{CourseCode: courseCode(i), CourseKey: courseKey(i)},
	}
}
