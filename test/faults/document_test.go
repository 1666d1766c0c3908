package faults

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
)

// Every part of a document tells its number, so that a mixture of two shows.

// conflicts is true for every tenth document: it lists a course that does not exist.
func conflicts(document int) bool { return document%10 == 0 }

// courses are there; missingCourse is not.
var courses = []string{"1234A", "2100S", "3001C"}

const missingCourse = "9999Z"

// specOf is what a Contact holds of a numbered document.
func specOf(contactID string, number int) v1alpha1.ContactSpec {
	listed := slices.Clone(courses[:max(number, 0)%(len(courses)+1)])
	if conflicts(number) {
		listed = append(listed, missingCourse)
	}
	spec := v1alpha1.ContactSpec{
		ContactID: contactID,
		FirstName: "Anna " + strconv.Itoa(number),
		LastName:  "Doe " + strconv.Itoa(number),
		Email:     fmt.Sprintf("%s.%d@acme.com", contactID, number),
	}
	for _, code := range listed {
		spec.Enrollments = append(spec.Enrollments, v1alpha1.CourseAccess{CourseCode: code,
			AccessStartDate: "2017-10-01", AccessEndDate: v1alpha1.Date(fmt.Sprintf("%d-09-30", 2100+number))})
	}
	return spec
}

// bodyOf is the document of an operation as it is sent.
func bodyOf(o operation) []byte { return encode(struct{ Contact any }{sentOf(o)}) }

// lineOf is a line of a bulk request.
func lineOf(o operation) []byte {
	if o.revision == unnumbered {
		return append(bodyOf(o), '\n')
	}
	return append(encode(struct {
		DocumentRevision int64
		Contact          any
	}{o.revision, sentOf(o)}), '\n')
}

func sentOf(o operation) any {
	type enrollment struct{ CourseCode, AccessStartDate, AccessEndDate string }
	type contact struct {
		ContactID, FirstName, LastName, Email string
		Enrollments                           []enrollment
	}
	spec := specOf(o.contact, o.document)
	sent := contact{spec.ContactID, spec.FirstName, spec.LastName, spec.Email, []enrollment{}}
	for _, access := range spec.Enrollments {
		sent.Enrollments = append(sent.Enrollments,
			enrollment{access.CourseCode, string(access.AccessStartDate), string(access.AccessEndDate)})
	}
	return sent
}

func encode(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return encoded
}

// mixture is the number of what is no document that was ever sent.
const mixture = -1

var number = regexp.MustCompile(`^Anna (\d+)$`)

// numberOf gives the number of the document that a Contact holds.
func numberOf(spec *v1alpha1.ContactSpec) int {
	n := parseNumber(spec.FirstName)
	sent := specOf(spec.ContactID, n)
	if documents.Digest(spec) != documents.Digest(&sent) {
		return mixture
	}
	return n
}

// parseNumber gives the number that a first name tells.
func parseNumber(firstName string) int {
	found := number.FindStringSubmatch(firstName)
	if found == nil {
		return mixture
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return mixture
	}
	return n
}
