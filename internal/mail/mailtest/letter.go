package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
)

// Letter is a message as it arrived.
type Letter struct {
	// Raw is all of it.
	Raw string
	// Header is its head, decoded.
	Header map[string]string
	// Text is its body, decoded, with plain line feeds.
	Text string
}

func read(content []byte) (Letter, error) {
	message, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return Letter{}, fmt.Errorf("the message cannot be read: %w\n%s", err, content)
	}
	letter := Letter{Raw: string(content), Header: map[string]string{}}
	for name, values := range message.Header {
		if letter.Header[name], err = new(mime.WordDecoder).DecodeHeader(strings.Join(values, "\n")); err != nil {
			return Letter{}, fmt.Errorf("the header %s cannot be read: %w", name, err)
		}
	}
	body := message.Body
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return Letter{}, fmt.Errorf("the text cannot be read: %w\n%s", err, content)
	}
	letter.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	return letter, nil
}

func waitForLetters(tb testing.TB, count int, letters func() []Letter) []Letter {
	tb.Helper()
	var have []Letter
	if err := poll(func() error {
		have = letters()
		if len(have) < count {
			return fmt.Errorf("there are %d", len(have))
		}
		return nil
	}); err != nil {
		tb.Fatalf("%d messages are delivered: %v", count, err)
	}
	return have
}
