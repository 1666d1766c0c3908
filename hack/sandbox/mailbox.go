package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

const (
	// mailboxPath is where what came by mail can be read.
	mailboxPath = "/sandbox/mailbox/{$}"
	// mailboxSize is how many mails are kept, and maxMail the size of one.
	mailboxSize = 200
	maxMail     = 1 << 20
)

// letter is a mail as its reader sees it.
type letter struct{ ID, To, From, ReplyTo, Subject, Text string }

// mailbox keeps what came, whoever it is for.
type mailbox struct {
	mu      sync.Mutex
	letters []letter
}

// ServeHTTP shows what came, the newest first.
func (m *mailbox) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	letters := slices.Clone(m.letters)
	m.mu.Unlock()
	slices.Reverse(letters)
	show(w, "mailbox.html", letters)
}

// takeMail is a mail server that needs no password, until the context ends.
func takeMail(ctx context.Context, listener net.Listener, m *mailbox) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{mailbox: m}, nil }))
	server.Domain, server.MaxMessageBytes = "localhost", maxMail
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, smtp.ErrServerClosed) && ctx.Err() == nil {
		return err
	}
	return nil
}

// session is a client's connection.
type session struct{ mailbox *mailbox }

func (*session) Mail(string, *smtp.MailOptions) error { return nil }

func (*session) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data takes a mail.
func (s *session) Data(r io.Reader) error {
	read, err := readLetter(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: err.Error()}
	}
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	s.mailbox.letters = append(s.mailbox.letters, read)
	if extra := len(s.mailbox.letters) - mailboxSize; extra > 0 {
		s.mailbox.letters = slices.Delete(s.mailbox.letters, 0, extra)
	}
	return nil
}

func (*session) Reset() {}

func (*session) Logout() error { return nil }

// readLetter reads a mail of plain text.
func readLetter(r io.Reader) (letter, error) {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return letter{}, fmt.Errorf("no mail: %w", err)
	}
	body := message.Body
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return letter{}, fmt.Errorf("no text: %w", err)
	}
	decoded := func(name string) string {
		value, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get(name))
		if err != nil {
			return message.Header.Get(name)
		}
		return value
	}
	return letter{
		ID: message.Header.Get("Message-ID"), To: decoded("To"), From: decoded("From"), ReplyTo: decoded("Reply-To"), Subject: decoded("Subject"),
		Text: string(text),
	}, nil
}
