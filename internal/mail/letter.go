package mail

import (
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// letter gives the message as it goes over the line. A value cannot reach beyond its header: addresses are put in as
// such, and lines and other controls in a header become spaces.
func (m *Message) letter() *gomail.Msg {
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
	letter.SetBodyString(gomail.TypeTextPlain, m.Text)
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
