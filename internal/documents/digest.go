// Package documents names documents by their content.
package documents

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// Digest is the SHA-256, in hex, of the document that a Contact's spec holds: the members that the back office sends, in
// a fixed order. What people add to the spec does not count.
func Digest(spec *v1alpha1.ContactSpec) string {
	enrollments := spec.Enrollments
	if len(enrollments) == 0 {
		enrollments = nil // whether a list is empty or not there is no difference
	}
	// Strings and lists of strings always encode.
	encoded, _ := json.Marshal([]any{spec.ContactID, spec.FirstName, spec.LastName, spec.Email, enrollments})
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}
