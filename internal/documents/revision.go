package documents

import (
	"fmt"
	"strconv"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// ParseRevision reads the number that a back office gives to the state of a contact: a whole number from 0 to
// 9223372036854775807.
func ParseRevision(text string) (int64, error) {
	revision, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("a revision is a whole number from 0 to 9223372036854775807: %w", err)
	}
	return int64(revision), nil
}

// Revision is the highest revision that came with a document of the contact, or nil if none did.
func Revision(contact *v1alpha1.Contact) *int64 {
	revision, err := ParseRevision(contact.Annotations[v1alpha1.DocumentRevisionAnnotation])
	if err != nil {
		return nil
	}
	return &revision
}
