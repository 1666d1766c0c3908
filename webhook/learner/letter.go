package learner

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"k8s.io/utils/ptr"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// The rules here are those of the LearnerMessage CRD, so that the API server never refuses what was found valid.
const (
	maxSubject = 200
	maxText    = 5000
	// maxBody is more than the longest message has, if each of its characters is escaped.
	maxBody = 64 << 10
)

var (
	notInSubjects = regexp.MustCompile(`[\x00-\x1f\x7f]`)
	notInTexts    = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f]`)
)

// letter is the body of a request that sends a message.
type letter struct {
	Subject *string `json:"subject,omitzero"`
	Text    *string `json:"text,omitzero"`
}

func (l *letter) subject() string { return ptr.Deref(l.Subject, "") }

// decode reads a letter and finds what is wrong with it.
func decode(body []byte) (*letter, error) {
	read, err := doors.Decode[letter](body, doors.Schema{
		Thing:    "A message",
		Optional: func(member string) bool { return member == "subject" },
		Invalid:  invalid,
	})
	if err != nil {
		return nil, err
	}
	var wrong []problem.Error
	add := func(pointer, reason, detail string) {
		wrong = append(wrong, problem.Error{Pointer: pointer, Reason: reason, Detail: detail})
	}
	if subject := read.Subject; subject != nil && (!isWritten(*subject, maxSubject) || notInSubjects.MatchString(*subject)) {
		add("/subject", problem.ReasonMalformed, "This must be 1 to 200 characters on one line, not only white space; leave the member out if there is none.")
	}
	switch text := read.Text; {
	case text == nil:
		add("/text", problem.ReasonMissing, "This member has to be there.")
	case !isWritten(*text, maxText) || notInTexts.MatchString(*text):
		add("/text", problem.ReasonMalformed, `This must be 1 to 5,000 characters of plain text, not only white space: no control characters but tabs and line feeds (\n).`)
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong...)
	}
	return &read, nil
}

// isWritten is true for what has something to read, and not too much of it.
func isWritten(text string, longest int) bool {
	return strings.TrimSpace(text) != "" && utf8.RuneCountInString(text) <= longest
}
