// Package mail hands messages in to a mail server.
package mail

import (
	"context"
	"net"
	"net/mail"
	"time"
)

const (
	// openingTimeout is how long a server has until it is ready to take a message, and envelopeTimeout how long until it has agreed
	// on the sender and the recipient. Up to there nothing can come twice.
	openingTimeout, envelopeTimeout = 30 * time.Second, 90 * time.Second
	// lastAnswer is how much longer than the context a server has for its answer on a message that is on the way to it:
	// without that answer nobody knows whether it has the message.
	lastAnswer = 15 * time.Second
	// goodbye is how long a server has for its last word, on which nothing hangs.
	goodbye = 2 * time.Second
)

// Message is one text for one recipient.
type Message struct {
	// ID is the part of the Message-ID before the @. A message has the same one each time that it is sent, so that servers
	// and people can tell a double.
	ID string
	// Name is what the message is called where it comes from.
	Name string
	// Date is when the message was written.
	Date              time.Time
	From, To, ReplyTo mail.Address
	Subject, Text     string
}

// Send hands the message in: nil means that the server took it, any other answer is an *Error. When the context ends, a
// message that is not on its way yet is given up; one that is has a little more time.
func Send(ctx context.Context, server Server, message Message) error {
	opening, opened := context.WithTimeout(ctx, openingTimeout)
	defer opened()
	conn, err := server.dial(opening)
	if err != nil {
		return classifyOpening(err)
	}
	defer func() { _ = conn.Close() }()
	client, err := server.client(conn, domainOf(message.From))
	if err != nil {
		return classifyOpening(err)
	}
	// go-mail heeds a context only while it dials.
	keep := hangUpAfter(opening, conn)
	session, err := client.DialToSMTPClientWithContext(opening)
	if err != nil {
		return classifyOpening(err)
	}
	keep()

	envelope, agreed := context.WithTimeout(ctx, envelopeTimeout)
	defer agreed()
	keep = hangUpAfter(envelope, conn)
	sending, sent := linger(ctx, lastAnswer)
	defer sent()
	letter := message.letter(func() {
		keep()
		hangUpAfter(sending, conn)
	})
	if err = client.SendWithSMTPClient(session, letter); err != nil && !letter.IsDelivered() {
		return classifySending(err) // Without a goodbye, which would end, and so send, what is half written.
	}
	leaving, left := context.WithTimeout(sending, goodbye)
	defer left()
	hangUpAfter(leaving, conn)
	_ = client.CloseWithSMTPClient(session)
	return nil
}

// hangUpAfter closes the connection when the context ends, unless it is told to keep it.
func hangUpAfter(ctx context.Context, conn net.Conn) (keep func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}

// linger gives a context that ends later than the one it comes from.
func linger(ctx context.Context, longer time.Duration) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		grace, end := context.WithTimeout(lingering, longer)
		defer end()
		<-grace.Done()
		cancel()
	})
	return lingering, cancel
}
