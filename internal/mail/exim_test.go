package mail_test

import (
	"context"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/internal/mail"
	"rollcall.dev/rollcall/internal/mail/mailtest"
)

// written is a time in a zone of its own, as a message's is.
var written = time.Date(2026, 11, 29, 9, 30, 15, 0, time.FixedZone("", 3600))

func message() mail.Message {
	return mail.Message{
		ID: "6c0e4a5e-7f0d-4a3c-9d0a-1f2e3d4c5b6a", Name: "default/4711-abcde", Date: written,
		From:    netmail.Address{Name: "Messages of learners", Address: "learning@example.com"},
		To:      netmail.Address{Name: "Dana Wells", Address: "dana.wells@acme.com"},
		ReplyTo: netmail.Address{Name: "Joe Smith", Address: "joe.smith@acme.com"},
		Subject: "First aid", Text: "Good morning,\n\nwhen does it begin?\n",
	}
}

func at(exim *mailtest.Exim) mail.Server {
	return mail.Server{Host: exim.Host, Port: exim.Port, Security: mail.StartTLS, Username: mailtest.Username, Password: mailtest.Password, CABundle: exim.CA}
}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	exim := mailtest.StartExim(t)
	if err := mail.Send(t.Context(), at(exim), message()); err != nil {
		t.Fatal(err, exim.Log())
	}
	letter := exim.WaitForLetters(1)[0]
	received := letter.Header["Received"]
	delete(letter.Header, "Received")
	if diff := cmp.Diff(map[string]string{
		"Auto-Submitted":            "no",
		"Content-Transfer-Encoding": "quoted-printable",
		"Content-Type":              "text/plain; charset=UTF-8",
		"Date":                      "Sun, 29 Nov 2026 09:30:15 +0100",
		"Envelope-To":               "dana.wells@acme.com",
		"From":                      `"Messages of learners" <learning@example.com>`,
		"Message-Id":                "<6c0e4a5e-7f0d-4a3c-9d0a-1f2e3d4c5b6a@example.com>",
		"Mime-Version":              "1.0",
		"Reply-To":                  `"Joe Smith" <joe.smith@acme.com>`,
		"Return-Path":               "<learning@example.com>",
		"Subject":                   "First aid",
		"To":                        `"Dana Wells" <dana.wells@acme.com>`,
		"X-Rollcall-Message":        "default/4711-abcde",
	}, letter.Header); diff != "" {
		t.Errorf("its head (-want +got):\n%s", diff)
	}
	if letter.Text != message().Text {
		t.Errorf("its text is %q", letter.Text)
	}
	for _, want := range []string{"from [127.0.0.1] (helo=example.com)", "esmtpsa", "TLS1.3"} {
		if !strings.Contains(received, want) {
			t.Errorf("it was not received with %q: %s", want, received)
		}
	}
}

func TestAnyTextArrivesUnchanged(t *testing.T) {
	exim := mailtest.StartExim(t)
	for name, text := range map[string]string{
		"languages":        "Grüße, 你好, שלום, 👋\n",
		"dots":             ".\n..\n.\nQUIT\n",
		"a long line":      strings.Repeat("äöü and so on, ", 300) + "\n",
		"blanks at an end": "one  \ntwo\t\n\n\n",
		"like a header":    "Subject: another\nBcc: somebody@acme.com\n\nFrom here on\nFrom there\n",
		"without an end":   "one line",
	} {
		t.Run(name, func(t *testing.T) {
			before := len(exim.Letters())
			sent := message()
			sent.Text, sent.Subject = text, name
			if err := mail.Send(t.Context(), at(exim), sent); err != nil {
				t.Fatal(err, exim.Log())
			}
			for _, letter := range exim.WaitForLetters(before + 1) {
				if letter.Header["Subject"] == name && strings.TrimSuffix(letter.Text, "\n") != strings.TrimSuffix(text, "\n") {
					t.Errorf("%q arrived as %q", text, letter.Text)
				}
			}
		})
	}
}

func TestNothingThatSomebodyWritesBecomesAHeader(t *testing.T) {
	exim := mailtest.StartExim(t)
	const attack = "x\r\nBcc: thief@acme.com\r\n\r\nand a body\n\x00"
	sent := message()
	sent.Subject += attack
	sent.ID += attack
	sent.Name += attack
	sent.To.Name += attack + `" <thief@acme.com>, "`
	sent.ReplyTo.Name += attack + "<thief@acme.com>"
	sent.From.Name += attack
	if err := mail.Send(t.Context(), at(exim), sent); err != nil {
		t.Fatal(err, exim.Log())
	}
	letters := exim.WaitForLetters(1)
	letter := letters[0]
	if len(letters) > 1 || letter.Header["Bcc"] != "" || letter.Header["Envelope-To"] != "dana.wells@acme.com" || letter.Text != sent.Text {
		t.Errorf("%d messages came, the first as\n%s", len(letters), letter.Raw)
	}
	for _, name := range []string{"To", "Reply-To", "From"} {
		addresses, err := netmail.ParseAddressList(letter.Header[name])
		if err != nil || len(addresses) != 1 || strings.Contains(addresses[0].Address, "thief") {
			t.Errorf("%s is %q", name, letter.Header[name])
		}
	}
}

func TestTLSFromTheFirstByte(t *testing.T) {
	exim := mailtest.StartExim(t)
	server := at(exim)
	server.Port, server.Security = exim.TLSPort, mail.TLS
	if err := mail.Send(t.Context(), server, message()); err != nil {
		t.Fatal(err, exim.Log())
	}
	exim.WaitForLetters(1)
}

func TestWhatIsSetUpWronglyIsNoVerdictOnTheMessage(t *testing.T) {
	exim := mailtest.StartExim(t)
	other := mailtest.StartExim(t)
	for name, wrong := range map[string]struct {
		with func(*mail.Server)
		want string
	}{
		"the password":            {func(s *mail.Server) { s.Password = "wrong" }, "The mail server does not accept the credentials (535)."},
		"an unknown authority":    {func(s *mail.Server) { s.CABundle = nil }, "The mail server's certificate is not valid for its host name, or not from an authority that is trusted."},
		"another authority":       {func(s *mail.Server) { s.CABundle = other.CA }, "The mail server's certificate is not valid for its host name, or not from an authority that is trusted."},
		"another host name":       {func(s *mail.Server) { s.Host = "localhost" }, "The mail server's certificate is not valid for its host name, or not from an authority that is trusted."},
		"an empty CA bundle":      {func(s *mail.Server) { s.CABundle = []byte("none") }, "The CA bundle for the mail server holds no certificate."},
		"TLS where STARTTLS is":   {func(s *mail.Server) { s.Security = mail.TLS }, "The mail server does not offer the security or the authentication that is asked for."},
		"credentials without TLS": {func(s *mail.Server) { s.Security = mail.None }, "The mail server does not offer the security or the authentication that is asked for."},
	} {
		t.Run(name, func(t *testing.T) {
			server := at(exim)
			wrong.with(&server)
			expect(t, mail.Send(t.Context(), server, message()), mail.Misconfigured, wrong.want)
		})
	}
	if len(exim.Letters()) > 0 {
		t.Error("a message was delivered")
	}
}

func TestARecipientThatDoesNotExistIsRefused(t *testing.T) {
	exim := mailtest.StartExim(t)
	sent := message()
	sent.To.Address = "nobody@acme.com"
	expect(t, mail.Send(t.Context(), at(exim), sent), mail.Refused, "The mail server refuses the recipient's address (550).")
}

func TestAServerThatIsAwayIsWaitedFor(t *testing.T) {
	exim := mailtest.StartExim(t)
	exim.Stop()
	expect(t, mail.Send(t.Context(), at(exim), message()), mail.Unavailable, "The mail server does not answer.")
	unknown := at(exim)
	unknown.Host = "mail.invalid"
	expect(t, mail.Send(t.Context(), unknown, message()), mail.Unavailable, "The mail server does not answer.")
	exim.Start()
	if err := mail.Send(t.Context(), at(exim), message()); err != nil {
		t.Fatal(err, exim.Log())
	}
	exim.WaitForLetters(1)
}

func expect(t *testing.T, err error, class mail.Class, message string) {
	t.Helper()
	if diff := cmp.Diff(&mail.Error{Class: class, Message: message}, err); diff != "" {
		t.Errorf("the outcome (-want +got):\n%s", diff)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
