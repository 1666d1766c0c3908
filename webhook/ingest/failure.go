package ingest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// refused gives the answer to a document that the API server finds invalid although validate did not.
func refused(err error) *problem.Problem {
	status, _ := doors.APIStatus(err)
	var found []problem.Error
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			// The cause's message would repeat the value.
			found = append(found, problem.Error{Pointer: pointerOf(cause.Field), Reason: problem.ReasonRefused,
				Detail: "The API server does not take this."})
		}
	}
	if len(found) == 0 {
		found = []problem.Error{{Pointer: "/Contact", Reason: problem.ReasonRefused, Detail: "The API server does not take this."}}
	}
	// The API server lists in any order, and one attribute once for every rule.
	slices.SortFunc(found, func(a, b problem.Error) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return invalid(slices.Compact(found)...)
}

var fieldSegment = regexp.MustCompile(`[A-Za-z]+|\d+`)

// pointerOf gives the place in the document for a field of the Contact: spec.enrollments[3].accessEndDate is
// /Contact/Enrollments/3/AccessEndDate. What the document does not state is /Contact.
func pointerOf(field string) string {
	pointer := "/Contact"
	path, ok := strings.CutPrefix(field, "spec.")
	if !ok {
		return pointer
	}
	for _, segment := range fieldSegment.FindAllString(path, -1) {
		switch member, known := memberOf[segment]; {
		case known:
			pointer += "/" + member
		case segment[0] <= '9':
			pointer += "/" + segment
		default:
			return "/Contact"
		}
	}
	return pointer
}
