package mail

import (
	"bytes"
	"net/mail"
	"slices"
	"testing"
	"time"
)

// FuzzNothingBecomesAHeader: whatever somebody writes, a message has the headers that Rollcall gives it, one address in each,
// and lines that SMTP can carry.
func FuzzNothingBecomesAHeader(f *testing.F) {
	f.Add("A question", "Dana Wells", "Good morning")
	f.Add("x\r\nBcc: thief@acme.com\r\n\r\ny", "x\r\nBcc: thief@acme.com", ".\r\n.\nFrom x")
	f.Add("=?utf-8?q?=0D=0ABcc:_thief?=", `"x" <thief@acme.com>, "`, "=0D=0A.")
	f.Add("Größe 你好 \u2028 \u202e \x00", "O'Neil, Jr. (Öz) \\\"", "\x00\xff\xfe")
	f.Fuzz(func(t *testing.T, subject, name, text string) {
		message := Message{
			ID: "4711" + name, Name: "default/" + subject, Date: time.Unix(0, 0),
			From: mail.Address{Name: name, Address: "from@example.com"}, To: mail.Address{Name: name, Address: "to@example.com"},
			ReplyTo: mail.Address{Name: name, Address: "learner@example.com"}, Subject: subject, Text: text,
		}
		var written bytes.Buffer
		if _, err := message.letter(func() {}).WriteTo(&written); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.SplitSeq(written.Bytes(), []byte("\r\n")) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
				t.Errorf("no line for SMTP: %q", line)
			}
		}
		parsed, err := mail.ReadMessage(&written)
		if err != nil {
			t.Fatal(err)
		}
		var headers []string
		for header, values := range parsed.Header {
			if headers = append(headers, header); len(values) > 1 {
				t.Errorf("%s is there %d times", header, len(values))
			}
		}
		slices.Sort(headers)
		if want := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version",
			"Reply-To", "Subject", "To", "X-Rollcall-Message"}; !slices.Equal(headers, want) {
			t.Errorf("the headers are %q", headers)
		}
		for header, want := range map[string]string{"From": "from@example.com", "To": "to@example.com", "Reply-To": "learner@example.com"} {
			addresses, err := parsed.Header.AddressList(header)
			if err != nil || len(addresses) != 1 || addresses[0].Address != want {
				t.Errorf("%s is %q: %v", header, parsed.Header.Get(header), err)
			}
		}
	})
}
