package openedx

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rollcall.dev/rollcall/internal/lms"
)

const (
	minUsername = 2
	maxUsername = 30
	// hashLength in hex digits: enough that two contacts do not meet.
	hashLength = 8
)

// usernames gives the usernames to try for a learner, best first: the name; the name and the contact ID; the name and a
// hash of the contact ID. They depend on nothing but the learner, so that a repeat asks for the same ones.
//
// Every one has 2 to 30 characters of a-z, 0-9, _ and -, which the LMS accepts whatever its settings. That matters: on
// a space eox-core fails with a 500, which looks like something that passes.
func usernames(learner lms.NewLearner) []string {
	name := joined(slug(learner.FirstName), slug(learner.LastName))
	id := slug(learner.ContactID)
	sum := sha256.Sum256([]byte(learner.ContactID))
	hash := hex.EncodeToString(sum[:])[:hashLength]

	var candidates []string
	if strings.ContainsFunc(name, unicode.IsLetter) {
		candidates = append(candidates, cut(name, maxUsername))
	} else {
		name = "learner"
	}
	// An ID that leaves no room for a name is not worth spelling out.
	if id != "" && len(id) <= maxUsername-len("learner_") {
		candidates = append(candidates, cut(name, maxUsername-1-len(id))+"_"+id)
	}
	candidates = append(candidates, cut(name, maxUsername-1-len(hash))+"_"+hash)
	return slices.DeleteFunc(candidates, func(username string) bool { return len(username) < minUsername })
}

// spelled are letters that do not come apart into an ASCII letter and a mark.
var spelled = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ł", "l", "ħ", "h", "ı", "i", "ŋ", "n",
)

// slug folds a text to a-z, 0-9 and single _ and -, with a letter or digit at both ends. It may be empty.
func slug(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(spelled.Replace(strings.ToLower(text))) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case r > unicode.MaxASCII || r == '\'':
			// A mark, a letter of another script, or an apostrophe: O'Neil is oneil.
		case r == '-':
			b.WriteByte('-')
		default:
			b.WriteByte('_')
		}
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	for i, word := range words {
		words[i] = strings.Trim(word, "-")
	}
	return joined(words...)
}

func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), "_")
}

func cut(text string, length int) string {
	return strings.Trim(text[:min(len(text), length)], "_-")
}
