package openedxtest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeJSONMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`not json`:       "Expecting value: line 1 column 1 (char 0)",
		`{`:              "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
		`{"a" 1}`:        "Expecting ':' delimiter: line 1 column 6 (char 5)",
		`{"a": 1 "b"}`:   "Expecting ',' delimiter: line 1 column 9 (char 8)",
		"{\n \"a\": ,}":  "Expecting value: line 2 column 7 (char 8)",
		`{"a": 1,}`:      "Expecting property name enclosed in double quotes: line 1 column 9 (char 8)",
		`[1, 2`:          "Expecting ',' delimiter: line 1 column 6 (char 5)",
		`{} x`:           "Extra data: line 1 column 4 (char 3)",
		`"ü`:             "Unterminated string starting at: line 1 column 1 (char 0)",
		`{"ü": "\q"}`:    `Invalid \escape: line 1 column 8 (char 7)`,
		`"\u12"`:         `Invalid \uXXXX escape: line 1 column 3 (char 2)`,
		"\"a\tb\"":       "Invalid control character at: line 1 column 3 (char 2)",
		`[01]`:           "Expecting ',' delimiter: line 1 column 3 (char 2)",
		`[-]`:            "Expecting value: line 1 column 2 (char 1)",
		`{"a": tru}`:     "Expecting value: line 1 column 7 (char 6)",
		`{"a": 1}{"b":2`: "Extra data: line 1 column 9 (char 8)",
	} {
		if _, err := decodeJSON(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestPyString(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "None", `true`: "True", `1.50`: "1.50", `"x"`: "x", `["x", null, false]`: "['x', None, False]", `{"a": "it's"}`: `{'a': 'it\'s'}`,
	} {
		value, err := decodeJSON(text)
		if got := pyString(value); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", text, got, want, err)
		}
	}
}

// FuzzDecodeJSON: it takes what encoding/json takes, and makes the same of it.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, -2.5e3, "\u00fc\n", null, true]}`, `[[[]]]`, `"\ud800"`, ` 0 `, `{"a":1,"a":2}`, "\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeJSON(text)
		if (err == nil) != json.Valid([]byte(text)) {
			if err != nil && err.Error()[:8] == "Too deep" {
				return
			}
			t.Fatalf("%q: error %v, though valid is %t", text, err, json.Valid([]byte(text)))
		}
		if err != nil {
			return
		}
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var want, again any
		if json.Unmarshal([]byte(text), &want) != nil || json.Unmarshal(encoded, &again) != nil {
			return // a number beyond what Go holds
		}
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("%q (-want +got)\n%s", text, diff)
		}
	})
}
