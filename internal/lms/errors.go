package lms

import (
	"errors"
	"time"
)

// Class says what may come of a failed call.
type Class string

const (
	// Throttled: too many calls. The same call succeeds after RetryAfter.
	Throttled Class = "Throttled"
	// Transient: it may succeed when it is repeated. Whatever is not understood is Transient.
	Transient Class = "Transient"
	// Conflict: it succeeds once something else has changed, such as the course or another account.
	Conflict Class = "Conflict"
	// Fatal: a repeat gets the same answer until a person changes the request or a setting.
	Fatal Class = "Fatal"
	// Withheld: Rollcall did not make the call, though the platform could take it. It costs no attempt.
	Withheld Class = "Withheld"
)

// Error is the failure of a call to the platform, classified once, where the answer was read.
type Error struct {
	// Class says what may come of it.
	Class Class
	// Reason is one CamelCase word from the condition reasons of api/v1alpha1.
	Reason string
	// Message says it in a sentence that is the same for the same failure: no times, no ids of requests, and nothing
	// about a person. It is shown in conditions.
	Message string
	// PlatformWide is true when the cause is not this call but the platform: an outage, a throttle, the credentials.
	// It then costs no learner an attempt.
	PlatformWide bool
	// RetryAfter is how long the platform asks to be left alone; 0 when it did not say.
	RetryAfter time.Duration
	// Cause is what lies below, if anything does; it may name hosts and paths and is for logs of the platform only.
	Cause error
}

// Error is the message, behind the reason.
func (e *Error) Error() string { return e.Reason + ": " + e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError gives the classified failure in err. What was never classified, such as the end of a context, is Transient.
func AsError(err error) *Error {
	if classified, ok := errors.AsType[*Error](err); ok {
		return classified
	}
	return &Error{Class: Transient, Reason: "Retrying", Message: "The call did not finish.", Cause: err}
}
