package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// reference says what an LMS should look like, from what was sold and what people did. It is no more than a page and knows
// nothing of how Rollcall works.
type reference struct {
	zone *time.Location
	// documents are those in force, by contact ID.
	documents map[string]*document
	// courses are the Courses that there are, by course code.
	courses map[string]offer
	// offered are the modes of the LMS's courses, by course key.
	offered map[string][]string

	// closed are the courses that admit nobody, by key, but the accounts that were in them before, active or not.
	closed map[string]map[int]bool

	// named are the course codes that documents of a contact have named, stoodFor the course keys that a code has stood
	// for: Rollcall may have acted by them before they changed.
	named, stoodFor map[string]set
	// addresses are those that documents of a contact have named, in lower case.
	addresses map[string]set
	// seats are what people on the LMS made of an account's enrollment in a course.
	seats map[seat]openedxtest.Enrollment
	// retired are the addresses of retired accounts, in lower case.
	retired set
	// known are the addresses that an account has had, in lower case, by its number.
	known map[int]set
	// active says whether an account should be active, by its number; others should. perhaps are those, and the contacts with
	// those, of which nobody can know: people changed them while Rollcall may have been about to.
	active  map[int]bool
	perhaps map[any]bool
	// preEnrolled are the courses that people pre-enrolled an address in.
	preEnrolled map[string]set
	// orphaned are the contacts that were deleted with nothing changed on the LMS.
	orphaned set
	// learners are the contacts that were seen to have an account, by its number.
	learners map[int]set
}

type set = map[string]bool

// offer is what a Course says.
type offer struct{ key, mode string }

type seat struct {
	account int
	key     string
}

// today is the day in the platform's time zone.
func (m *reference) today(now time.Time) string { return now.In(m.zone).Format(time.DateOnly) }

// isOpen says whether the learner may take a course on a day.
func (e enrollment) isOpen(day string) bool {
	return e.AccessStartDate <= day && (e.AccessEndDate == "" || day <= e.AccessEndDate)
}

// usable gives what a course code stands for, if a learner can be enrolled there.
func (m *reference) usable(code string) (offer, bool) {
	course, there := m.courses[code]
	modes := m.offered[course.key]
	return course, there && modes != nil && (course.mode == "" || slices.Contains(modes, course.mode))
}

// sold gives the courses that a contact has on a day, by key, with the mode if it matters. Where a code stands for nothing
// usable just now, the learner may stay in what it stood for before.
func (m *reference) sold(contactID, day string) (courses map[string]string, unsure set) {
	courses, unsure = map[string]string{}, set{}
	document := m.documents[contactID]
	if document == nil {
		return courses, unsure
	}
	for _, line := range document.Enrollments {
		if !line.isOpen(day) {
			continue
		}
		course, usable := m.usable(line.CourseCode)
		if !usable {
			for key := range m.stoodFor[line.CourseCode] {
				unsure[key] = true
			}
			continue
		}
		mode := course.mode
		if _, twice := courses[course.key]; twice {
			mode = "" // two codes for one course may state two modes
		}
		courses[course.key] = mode
	}
	return courses, unsure
}

// holders are the contacts that have or had an account, by its number: they were seen to, or documents named its address.
func (m *reference) holders(account int) set {
	holders := maps.Clone(m.learners[account])
	if holders == nil {
		holders = set{}
	}
	for contactID, addresses := range m.addresses {
		for address := range m.known[account] {
			if addresses[address] {
				holders[contactID] = true
			}
		}
	}
	return holders
}

// shouldBeActive says whether an account should be, and whether that can be known.
func (m *reference) shouldBeActive(account int) (active, known bool) {
	for contactID := range m.holders(account) {
		if m.perhaps[contactID] {
			return false, false
		}
	}
	active, noted := m.active[account]
	return active || !noted, !m.perhaps[account]
}

// isOrphaned says whether a contact that has or had the account was deleted with nothing changed on the LMS.
func (m *reference) isOrphaned(account int) bool {
	for contactID := range m.holders(account) {
		if m.orphaned[contactID] {
			return true
		}
	}
	return false
}

// mayHaveTouched says whether documents gave Rollcall a reason to touch an account's enrollment in a course, ever.
func (m *reference) mayHaveTouched(account int, key string) bool {
	for contactID := range m.holders(account) {
		for code := range m.named[contactID] {
			if m.stoodFor[code][key] {
				return true
			}
		}
	}
	return false
}

// shared says whether another contact's document has the address.
func (m *reference) shared(contactID string) bool {
	for other, document := range m.documents {
		if other != contactID && strings.EqualFold(document.Email, m.documents[contactID].Email) {
			return true
		}
	}
	return false
}

// add notes a name under another.
func add[K comparable](to map[K]set, under K, name string) {
	if to[under] == nil {
		to[under] = set{}
	}
	to[under][name] = true
}
