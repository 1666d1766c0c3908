package mail

import (
	"io"
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// letter gives the message as it goes over the line. A value cannot reach beyond its header: addresses are put in as
// such, and lines and other controls in a header become spaces. What is to be done when the text goes out is done before it.
func (m *Message) letter(onItsWay func()) *gomail.Msg {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from, to, replyTo := onOneLine(m.From), onOneLine(m.To), onOneLine(m.ReplyTo)
	letter.FromMailAddress(&from)
	letter.ToMailAddress(&to)
	letter.ReplyToMailAddress(&replyTo)
	letter.Subject(withoutControls(m.Subject))
	letter.SetDateWithValue(m.Date)
	letter.SetMessageIDWithValue(withoutControls(m.ID) + "@" + domainOf(from))
	letter.SetGenHeader("Auto-Submitted", "no") // A person wrote it, and may get any answer, also that of a machine.
	letter.SetGenHeader("X-Rollcall-Message", withoutControls(m.Name))
	letter.SetBodyWriter(gomail.TypeTextPlain, func(w io.Writer) (int64, error) {
		onItsWay()
		n, err := io.WriteString(w, m.Text)
		return int64(n), err
	})
	return letter
}

func onOneLine(address mail.Address) mail.Address {
	return mail.Address{Name: withoutControls(address.Name), Address: withoutControls(address.Address)}
}

func withoutControls(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
}

// domainOf gives the part of an address behind the @.
func domainOf(address mail.Address) string {
	return address.Address[strings.LastIndexByte(address.Address, '@')+1:]
}
