package ingest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall.dev/rollcall/internal/email"
	"rollcall.dev/rollcall/webhook/problem"
)

// The rules here are those of the Contact CRD, so that the API server never refuses what was found valid; a test holds
// one against the other.
const (
	maxCode        = 64
	maxName        = 100
	maxEnrollments = 1000
)

var (
	codePattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	notInNames  = regexp.MustCompile(`[<>\p{Cc}]|://`)
)

// validate finds everything that is wrong with a document by itself; contactID is whose document it is said to be.
func (d document) validate(contactID string) error {
	var found findings
	if d.Contact == nil {
		found.add("/Contact", problem.ReasonMissing, "A document has this member.")
		return found.problem()
	}
	c := d.Contact
	if id, ok := found.code("/Contact/ContactID", c.ContactID); ok && id != contactID {
		found.add("/Contact/ContactID", problem.ReasonInconsistent, "This is not the contact that the URL names.")
	}
	found.name("/Contact/FirstName", c.FirstName)
	found.name("/Contact/LastName", c.LastName)
	found.email("/Contact/Email", c.Email)
	found.enrollments("/Contact/Enrollments", c.Enrollments)
	return found.problem()
}

// findings collects what is wrong, at most one thing about each member.
type findings []problem.Error

func (f *findings) add(pointer, reason, detail string) {
	*f = append(*f, problem.Error{Pointer: pointer, Reason: reason, Detail: detail})
}

func (f *findings) problem() error {
	if len(*f) == 0 {
		return nil
	}
	return invalid(*f...)
}

// required gives a member's value, if it is there.
func required[T any](f *findings, pointer string, member *T) (value T, ok bool) {
	if member == nil {
		f.add(pointer, problem.ReasonMissing, "This member has to be there.")
		return value, false
	}
	return *member, true
}

func (f *findings) code(pointer string, member *string) (code string, ok bool) {
	code, ok = required(f, pointer, member)
	if ok && !isCode(code) {
		f.add(pointer, problem.ReasonMalformed, fmt.Sprintf("This must be 1 to %d of A-Z, a-z, 0-9, '.', '_' and '-', and not only one or two dots.", maxCode))
		ok = false
	}
	return code, ok
}

// isCode leaves out what an address cannot carry: clients take "." and ".." for steps in the path.
func isCode(s string) bool {
	return len(s) <= maxCode && codePattern.MatchString(s) && s != "." && s != ".."
}

func (f *findings) name(pointer string, member *string) {
	name, ok := required(f, pointer, member)
	switch {
	case !ok:
	case name == "" || utf8.RuneCountInString(name) > maxName:
		f.add(pointer, problem.ReasonMalformed, fmt.Sprintf("This must be 1 to %d characters.", maxName))
	case strings.TrimSpace(name) != name:
		f.add(pointer, problem.ReasonMalformed, "This must not begin or end with white space.")
	case notInNames.MatchString(name):
		f.add(pointer, problem.ReasonMalformed, "Open edX allows no '<', '>', '://' and control characters in names.")
	}
}

func (f *findings) email(pointer string, member *string) {
	address, ok := required(f, pointer, member)
	if ok && !email.IsAddress(address) {
		f.add(pointer, problem.ReasonMalformed, fmt.Sprintf("This must be an e-mail address of at most %d characters, such as name@example.com.", email.MaxLength))
	}
}

func (f *findings) enrollments(pointer string, member *[]enrollment) {
	enrollments, _ := required(f, pointer, member)
	if len(enrollments) > maxEnrollments {
		f.add(pointer, problem.ReasonTooMany, fmt.Sprintf("A document has at most %d enrollments.", maxEnrollments))
		return
	}
	listed := make(map[string]bool, len(enrollments))
	for i, e := range enrollments {
		at := pointer + "/" + strconv.Itoa(i)
		if code, ok := f.code(at+"/CourseCode", e.CourseCode); ok {
			if listed[code] {
				f.add(at+"/CourseCode", problem.ReasonDuplicate, "This course is listed before.")
			}
			listed[code] = true
		}
		start, ok := f.date(at+"/AccessStartDate", e.AccessStartDate)
		if e.AccessEndDate == nil {
			continue
		}
		// Dates of this form sort like the days they name.
		if end, endOK := f.date(at+"/AccessEndDate", e.AccessEndDate); ok && endOK && end < start {
			f.add(at+"/AccessEndDate", problem.ReasonInconsistent, "The end is before the start.")
		}
	}
}

func (f *findings) date(pointer string, member *string) (date string, ok bool) {
	date, ok = required(f, pointer, member)
	if !ok {
		return "", false
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil || len(date) != len(time.DateOnly) {
		f.add(pointer, problem.ReasonMalformed, "This must be a day of the calendar: YYYY-MM-DD.")
		return "", false
	}
	return date, true
}
