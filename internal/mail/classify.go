package mail

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"

	gomail "github.com/wneessen/go-mail"
)

// Class says what may come of a message that was not handed in.
type Class string

const (
	// Transient passes by itself: the message is tried again soon.
	Transient Class = "Transient"
	// Unavailable passes by itself, too, and is about the server as a whole: it is away, or takes no messages just now.
	Unavailable Class = "Unavailable"
	// Misconfigured is about the server as a whole, or how it is used: any message is tried again, but not soon, as a person
	// has to act first.
	Misconfigured Class = "Misconfigured"
	// Unconfirmed means that the server may have the message: its answer was lost, or did not come in time. The same again may be
	// a second one.
	Unconfirmed Class = "Unconfirmed"
	// Refused is the server's verdict on this message or its recipient; the same again would be refused again.
	Refused Class = "Refused"
)

// Error is why a message was not handed in. It holds nothing of the server's words, in which there are often addresses.
type Error struct {
	Class Class
	// Message says it in a sentence.
	Message string
}

func (e *Error) Error() string { return e.Message }

// AsError gives the *Error that Send ended with. Anything else means that nobody knows, and passes by itself.
func AsError(err error) *Error {
	if failure, ok := errors.AsType[*Error](err); ok {
		return failure
	}
	return &Error{Transient, "The message could not be handed in to the mail server."}
}

// classifyOpening judges a failure before the server was ready for a message: never a verdict on one.
func classifyOpening(err error) *Error {
	reply, replied := errors.AsType[*textproto.Error](err)
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case replied && !isPermanent(reply.Code):
		return &Error{Unavailable, fmt.Sprintf("The mail server takes no messages just now (%d).", reply.Code)}
	case replied && isAboutCredentials(reply.Code):
		return &Error{Misconfigured, fmt.Sprintf("The mail server does not accept the credentials (%d).", reply.Code)}
	case replied:
		return &Error{Misconfigured, fmt.Sprintf("The mail server refuses the connection (%d).", reply.Code)}
	case unverified:
		return &Error{Misconfigured, "The mail server's certificate is not valid for its host name, or not from an authority that is trusted."}
	case errors.Is(err, errCABundle):
		return &Error{Misconfigured, "The CA bundle for the mail server holds no certificate."}
	case network, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return &Error{Unavailable, "The mail server does not answer."}
	default:
		return &Error{Misconfigured, "The mail server does not offer the security or the authentication that is asked for."}
	}
}

// classifySending judges a failure of the message itself.
func classifySending(err error) *Error {
	failure, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return &Error{Transient, "The message could not be handed in to the mail server."}
	}
	code := failure.ErrorCode()
	if !isPermanent(code) {
		switch {
		case code != 0:
			return &Error{Transient, fmt.Sprintf("The mail server does not take the message just now (%d).", code)}
		case failure.Reason == gomail.ErrSMTPDataClose:
			return &Error{Unconfirmed, "The connection to the mail server ended before it confirmed the message; it may have taken it."}
		default:
			return &Error{Unavailable, "The connection to the mail server broke."}
		}
	}
	said := fmt.Sprintf("(%d)", code)
	if detail := failure.EnhancedStatusCode(); detail != "" {
		said = fmt.Sprintf("(%d %s)", code, detail)
	}
	switch {
	case isAboutCredentials(code):
		return &Error{Misconfigured, "The mail server asks for other credentials " + said + "."}
	case failure.Reason == gomail.ErrSMTPMailFrom:
		return &Error{Misconfigured, "The mail server does not accept the sender's address " + said + "."}
	case failure.Reason == gomail.ErrSMTPRcptTo:
		return &Error{Refused, "The mail server refuses the recipient's address " + said + "."}
	default:
		return &Error{Refused, "The mail server refuses the message " + said + "."}
	}
}

func isPermanent(code int) bool { return code >= 500 && code < 600 }

// isAboutCredentials says whether a reply asks for authentication, or refuses it: RFC 4954, section 6.
func isAboutCredentials(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}
