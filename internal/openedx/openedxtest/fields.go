package openedxtest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// fields reads the members of a body by the rules of the REST framework's serializers, and collects what is wrong with each.
type fields struct {
	given    object
	form     bool   // a form leaves out a box that is not ticked
	partial  bool   // nothing is required
	mistakes object // a list of texts each, or what nested fields have
}

const (
	fieldRequired = "This field is required."
	fieldNull     = "This field may not be null."
)

func (f *fields) wrong(name, text string) {
	texts, _ := f.mistakes[name].([]string)
	f.put(name, append(texts, text))
}

func (f *fields) put(name string, mistake any) {
	if f.mistakes == nil {
		f.mistakes = object{}
	}
	f.mistakes[name] = mistake
}

// value finds a member. Absent and null end here, as a mistake unless the field may be left out.
func (f *fields) value(name string, required bool) (any, bool) {
	v, present := f.given[name]
	switch {
	case !present && required && !f.partial:
		f.wrong(name, fieldRequired)
	case present && v == nil:
		f.wrong(name, fieldNull)
	case present:
		return v, true
	}
	return nil, false
}

// text reads a string; numbers will do. It is given only if it is good.
func (f *fields) text(name string, maxLength int, required bool) (text string, given bool) {
	v, present := f.value(name, required)
	if !present {
		return "", false
	}
	switch v.(type) {
	case bool, []any, object:
		f.wrong(name, "Not a valid string.")
		return "", false
	}
	text = strings.TrimSpace(pyString(v))
	switch {
	case text == "":
		f.wrong(name, "This field may not be blank.")
	case maxLength > 0 && utf8.RuneCountInString(text) > maxLength:
		f.wrong(name, fmt.Sprintf("Ensure this field has no more than %d characters.", maxLength))
	default:
		return text, true
	}
	return "", false
}

// email reads an address.
func (f *fields) email(name string) string {
	text, given := f.text(name, 0, true)
	if given && !validEmail(text) {
		f.wrong(name, "Enter a valid email address.")
		return ""
	}
	return text
}

// truth reads a boolean in any of the framework's spellings.
func (f *fields) truth(name string, otherwise bool) (value, given bool) {
	if _, present := f.given[name]; !present && f.form && !f.partial {
		return false, false
	}
	v, present := f.value(name, false)
	if !present {
		return otherwise, false
	}
	switch word := pyString(v); {
	case slices.Contains([]string{"True", "true", "TRUE", "t", "T", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "1", "1.0"}, word):
		return true, true
	case slices.Contains([]string{"False", "false", "FALSE", "f", "F", "n", "N", "no", "No", "NO", "off", "Off", "OFF", "0", "0.0"}, word):
		return false, true
	}
	f.wrong(name, "Must be a valid boolean.")
	return otherwise, false
}

// choice reads one of several words.
func (f *fields) choice(name string, required bool, words ...string) (string, bool) {
	v, present := f.value(name, required)
	if !present {
		return "", false
	}
	if word := pyString(v); slices.Contains(words, word) {
		return word, true
	}
	f.wrong(name, fmt.Sprintf("\"%s\" is not a valid choice.", pyString(v)))
	return "", false
}

// expectedObject is the mistake of a body that is something else.
func expectedObject(v any) object {
	text := "No data provided"
	if v != nil {
		text = "Invalid data. Expected a dictionary, but got " + pyType(v) + "."
	}
	return object{nonFieldErrors: []string{text}}
}

// nonFieldErrors is the name under which stands what is wrong with no field in particular.
const nonFieldErrors = "non_field_errors"
