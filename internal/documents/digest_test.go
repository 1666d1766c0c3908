package documents

import (
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestDigestSpeaksOfTheDocumentAlone(t *testing.T) {
	spec := v1alpha1.ContactSpec{
		ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com",
		Enrollments: []v1alpha1.CourseAccess{{CourseCode: "1234A", AccessStartDate: "2017-10-01"}},
	}
	original := Digest(&spec)

	held := spec
	held.Suspend, held.DeletionPolicy = new(true), v1alpha1.DeletionOrphan
	if Digest(&held) != original {
		t.Error("what a person adds to the spec changed the document's digest")
	}
	for name, change := range map[string]func(*v1alpha1.ContactSpec){
		"e-mail": func(s *v1alpha1.ContactSpec) { s.Email = "joe@acme.com" },
		"names":  func(s *v1alpha1.ContactSpec) { s.FirstName, s.LastName = "JoeS", "mith" },
		"window": func(s *v1alpha1.ContactSpec) {
			s.Enrollments = []v1alpha1.CourseAccess{{CourseCode: "1234A", AccessStartDate: "2017-10-01", AccessEndDate: "2018-09-30"}}
		},
	} {
		changed := spec
		change(&changed)
		if Digest(&changed) == original {
			t.Errorf("%s: another document has the same digest", name)
		}
	}
}

func TestAnEmptyListIsNoOtherDocumentThanNone(t *testing.T) {
	if none, empty := Digest(&v1alpha1.ContactSpec{}), Digest(&v1alpha1.ContactSpec{Enrollments: []v1alpha1.CourseAccess{}}); none != empty {
		t.Errorf("without a list the digest is %s, with an empty one %s", none, empty)
	}
}
