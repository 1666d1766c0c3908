// Package names derives the names of objects from the back office's names, so that two writers can never make twins.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Contact gives the name of the Contact object for a contact ID: the ID itself where that can be a name, else a
// readable part of it and 8 hex digits of its SHA-256.
func Contact(contactID string) string {
	name := slug(contactID)
	if name != contactID || looksHashed.MatchString(name) {
		name += "-" + hash(contactID)
	}
	return name
}

// Enrollment gives the name of the Enrollment object for a contact ID and a course code. A hyphen in either would make
// the join ambiguous, so it counts as a loss.
func Enrollment(contactID, courseCode string) string {
	contact, course := slug(contactID), slug(courseCode)
	name := contact + "-" + course
	if contact != contactID || course != courseCode || strings.Contains(contact, "-") || strings.Contains(course, "-") {
		name += "-" + hash(contactID+"/"+courseCode)
	}
	return name
}

var (
	notInNames = regexp.MustCompile(`[^a-z0-9]+`)
	// looksHashed matches a name that could be another one's name with its hash.
	looksHashed = regexp.MustCompile(`-[0-9a-f]{8}$`)
)

func slug(original string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(original), "-"), "-")
	if name == "" {
		return "x"
	}
	return name
}

func hash(original string) string {
	sum := sha256.Sum256([]byte(original))
	return hex.EncodeToString(sum[:4])
}
