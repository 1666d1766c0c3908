package ingest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/webhook/problem"
)

const tooLong = "too long"

// all gives the lines of a body, and the error at its end.
func (l *lines) all() (found []string, err error) {
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, errLongLine):
			found = append(found, tooLong)
		case err != nil:
			return found, err
		default:
			found = append(found, string(line))
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"nothing":               {"", nil},
		"one":                   {"a\n", []string{"a"}},
		"no end":                {"a\nb", []string{"a", "b"}},
		"empty ones":            {"\n\na\n\n", []string{"", "", "a", ""}},
		"ends of two kinds":     {"a\r\nb\n", []string{"a\r", "b"}},
		"longest":               {long[:100<<10] + "\n", []string{long[:100<<10]}},
		"longest without end":   {long[:100<<10], []string{long[:100<<10]}},
		"too long":              {"a\n" + long[:100<<10+1] + "\nb", []string{"a", tooLong, "b"}},
		"too long without end":  {"a\n" + long, []string{"a", tooLong}},
		"too long, one another": {long + "\n" + long + "\nb\n", []string{tooLong, tooLong, "b"}},
	} {
		l := newLines(strings.NewReader(test.body), 100<<10)
		got, err := l.all()
		if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, io.EOF) || l.number != int64(len(got)+1) {
			t.Errorf("%s: ends with %v at line %d (-want +got):\n%s", name, err, l.number, diff)
		}
	}
}

// A last line that may be cut off is no line, even if it looks like one.
func TestWhatIsCutOffIsNoLine(t *testing.T) {
	cut := errors.New("cut off")
	got, err := newLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(cut)), 10).all()
	if diff := cmp.Diff([]string{"a"}, got); diff != "" || !errors.Is(err, cut) {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzBulkLines(f *testing.F) {
	for _, test := range refusals {
		f.Add([]byte(oneLine(test.body) + "\n" + learner("next", "Jane")))
	}
	for _, body := range accepted {
		f.Add([]byte(withRevision("7", oneLine(body)) + "\r\n\r\n"))
	}
	for _, body := range documented(f) {
		f.Add([]byte(oneLine(body)))
	}
	f.Add([]byte(withRevision("-1", joe())))
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 1 << 10
		var want []string
		for line := range bytes.Lines(body) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if len(line) > limit {
				line = []byte(tooLong)
			}
			want = append(want, string(line))
		}
		got, err := newLines(iotest.OneByteReader(bytes.NewReader(body)), limit).all()
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) {
			t.Fatalf("lines of %q: %v (-want +got):\n%s", body, err, diff)
		}
		for _, line := range got {
			sent := parcelOf([]byte(line), wish{})
			if sent.contactID != "" && !isCode(sent.contactID) {
				t.Fatalf("%q has the contact ID %q", line, sent.contactID)
			}
			fault := sent.fault
			if fault == nil {
				fault = sent.document.validate(sent.contactID)
			}
			if fault == nil {
				if sent.contactID == "" || sent.contactID != sent.document.spec().ContactID {
					t.Fatalf("%q is taken as a document of %q", line, sent.contactID)
				}
				continue
			}
			var refused verdict
			found, _ := errors.AsType[*problem.Problem](fault)
			refused.refuse(found)
			if refused.Status != http.StatusBadRequest && refused.Status != http.StatusForbidden || len(refused.Errors) == 0 {
				t.Fatalf("%q is refused with %+v", line, refused)
			}
		}
	})
}
