package openedxtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeJSON reads JSON as the platform does, with the very words Python finds for a mistake.
// It gives nil, bool, json.Number, string, []any and map[string]any.
func decodeJSON(text string) (any, error) {
	d := &jsonDecoder{text: text}
	d.space()
	value, err := d.value()
	if err != nil {
		return nil, err
	}
	d.space()
	if d.pos < len(d.text) {
		return nil, d.wrong("Extra data", d.pos)
	}
	return value, nil
}

type jsonDecoder struct {
	text  string
	pos   int
	depth int
}

// maxDepth is how deep values may nest; Python gives up not much later.
const maxDepth = 900

// wrong words a mistake at a byte offset; Python counts characters.
func (d *jsonDecoder) wrong(what string, at int) error {
	before := d.text[:at]
	line := 1 + strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:]) + 1
	return fmt.Errorf("%s: line %d column %d (char %d)", what, line, column, utf8.RuneCountInString(before))
}

func (d *jsonDecoder) space() {
	for d.pos < len(d.text) && strings.IndexByte(" \t\n\r", d.text[d.pos]) >= 0 {
		d.pos++
	}
}

func (d *jsonDecoder) next(c byte) bool {
	if d.pos < len(d.text) && d.text[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

func (d *jsonDecoder) value() (any, error) {
	if d.depth++; d.depth > maxDepth {
		return nil, d.wrong("Too deep", d.pos)
	}
	defer func() { d.depth-- }()
	rest := d.text[d.pos:]
	for _, word := range []struct {
		text  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}} {
		if strings.HasPrefix(rest, word.text) {
			d.pos += len(word.text)
			return word.value, nil
		}
	}
	switch {
	case d.next('"'):
		return d.string()
	case d.next('{'):
		return d.object()
	case d.next('['):
		return d.array()
	}
	if n := numberLength(rest); n > 0 {
		d.pos += n
		return json.Number(rest[:n]), nil
	}
	return nil, d.wrong("Expecting value", d.pos)
}

func (d *jsonDecoder) object() (any, error) {
	object := map[string]any{}
	d.space()
	if d.next('}') {
		return object, nil
	}
	for {
		if !d.next('"') {
			return nil, d.wrong("Expecting property name enclosed in double quotes", d.pos)
		}
		name, err := d.string()
		if err != nil {
			return nil, err
		}
		d.space()
		if !d.next(':') {
			return nil, d.wrong("Expecting ':' delimiter", d.pos)
		}
		d.space()
		if object[name], err = d.value(); err != nil {
			return nil, err
		}
		d.space()
		if d.next('}') {
			return object, nil
		}
		if !d.next(',') {
			return nil, d.wrong("Expecting ',' delimiter", d.pos)
		}
		d.space()
	}
}

func (d *jsonDecoder) array() (any, error) {
	array := []any{}
	d.space()
	if d.next(']') {
		return array, nil
	}
	for {
		element, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, element)
		d.space()
		if d.next(']') {
			return array, nil
		}
		if !d.next(',') {
			return nil, d.wrong("Expecting ',' delimiter", d.pos)
		}
		d.space()
	}
}

// string reads on after the opening quote.
func (d *jsonDecoder) string() (string, error) {
	begin := d.pos - 1
	for d.pos < len(d.text) {
		switch c := d.text[d.pos]; {
		case c == '"':
			d.pos++
			var s string
			if json.Unmarshal([]byte(d.text[begin:d.pos]), &s) != nil {
				return "", d.wrong("Invalid string", begin)
			}
			return s, nil
		case c == '\\':
			if err := d.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", d.wrong("Invalid control character at", d.pos)
		}
		d.pos++
	}
	return "", d.wrong("Unterminated string starting at", begin)
}

// escape passes over a backslash and the letter after it, which must be one of those JSON has.
func (d *jsonDecoder) escape() error {
	backslash := d.pos
	d.pos++
	switch rest := d.text[d.pos:]; {
	case rest == "": // the string does not end, which its reader finds
	case strings.IndexByte(`"\/bfnrt`, rest[0]) >= 0:
	case rest[0] != 'u':
		return d.wrong("Invalid \\escape", backslash)
	case !hexDigits.MatchString(rest[1:]):
		return d.wrong("Invalid \\uXXXX escape", d.pos)
	}
	return nil
}

var hexDigits = regexp.MustCompile(`^[0-9a-fA-F]{4}`)

// numberLength is how much of the beginning of s is a JSON number.
func numberLength(s string) int {
	digits := func(from int) int {
		for from < len(s) && '0' <= s[from] && s[from] <= '9' {
			from++
		}
		return from
	}
	begin := 0
	if strings.HasPrefix(s, "-") {
		begin = 1
	}
	end := digits(begin)
	switch {
	case end == begin:
		return 0
	case s[begin] == '0':
		end = begin + 1
	}
	if end < len(s) && s[end] == '.' {
		if fraction := digits(end + 1); fraction > end+1 {
			end = fraction
		}
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		sign := end + 1
		if sign < len(s) && (s[sign] == '+' || s[sign] == '-') {
			sign++
		}
		if exponent := digits(sign); exponent > sign {
			end = exponent
		}
	}
	return end
}

// pyString is what Python's str makes of a decoded value: how it looks inside a message.
func pyString(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return titleCase(strconv.FormatBool(v))
	case string:
		return v
	default:
		return pyRepr(v)
	}
}

func pyRepr(v any) string {
	switch v := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(v, "'", `\'`) + "'"
	case json.Number:
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = pyRepr(element)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for name, member := range v {
			parts = append(parts, pyRepr(name)+": "+pyRepr(member))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return pyString(v)
	}
}

// pyType is what Python calls the type of a decoded value.
func pyType(v any) string {
	switch v := v.(type) {
	case bool:
		return "bool"
	case string:
		return "str"
	case []any:
		return "list"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	default:
		return "dict"
	}
}

// truthy is what Python's bool makes of a decoded value.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		f, _ := v.Float64()
		return f != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}
