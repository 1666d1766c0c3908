// Package email knows the form of the e-mail addresses that Rollcall takes.
package email

import "regexp"

// minLength and MaxLength are the bounds of an address. They are those of the API's types, as is the pattern.
const (
	minLength = 3
	MaxLength = 254
)

var pattern = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)

// IsAddress says whether the text is an e-mail address in form.
func IsAddress(text string) bool {
	return len(text) >= minLength && len(text) <= MaxLength && pattern.MatchString(text)
}
