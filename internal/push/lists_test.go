package push

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refuseFrom stores the documents before the one of a contact, refuses that one, and the caller after it.
func (s *server) refuseFrom(refused, last string) {
	s.reply = func(id string) map[string]any {
		switch id {
		case refused:
			return refusal403("/Contact/Email", "Malformed")
		case last:
			return map[string]any{"status": http.StatusUnauthorized, "type": "/problems/unauthenticated"}
		}
		return nil
	}
}

func TestARunIsTakenUpUnderAnotherPathOfTheFile(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.refuseFrom("c00001", "c00003")
	file := write(t, "learners.ndjson", lines(5))
	s.push(s.options(file), CodeUnfinished)
	s.reply = nil
	got := s.push(s.options(filepath.Dir(file)+"/./learners.ndjson"), CodeRefused)
	if !strings.Contains(got.messages, "going on") || read(t, file+".refused.ndjson") != line("c00001") {
		t.Errorf("refused: %q\n%s", read(t, file+".refused.ndjson"), got.messages)
	}
}

func TestARunThatReadsTheFileInAnotherFormatBeginsAnew(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.refuseFrom("c00001", "c00003")
	o := s.options(write(t, "learners.csv", lines(5)))
	o.Format = NDJSON
	s.push(o, CodeUnfinished)
	must(t, os.WriteFile(o.File+".push-state", []byte(strings.Replace(read(t, o.File+".push-state"), `"ndjson"`, `"csv"`, 1)), 0o600))
	s.reply = nil
	if got := s.push(o, 0); !strings.Contains(got.messages, "starting over") || len(s.stored) != 5 {
		t.Errorf("stored %q\n%s", s.order, got.messages)
	}
}

func TestAStateThatLacksALengthIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.refuseFrom("c00001", "c00003")
	file := write(t, "learners.ndjson", lines(5))
	s.push(s.options(file), CodeUnfinished)
	must(t, os.WriteFile(file+".push-state", []byte(strings.Replace(read(t, file+".push-state"), `"refusals":`, `"other":`, 1)), 0o600))
	s.refuseFrom("c00002", "")
	got := s.push(s.options(file), CodeRefused)
	if !strings.Contains(got.messages, "starting over") || read(t, file+".refused.ndjson") != line("c00002") {
		t.Errorf("refused: %q\n%s", read(t, file+".refused.ndjson"), got.messages)
	}
}

func TestNoListIsLostBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.refuseFrom("c00001", "")
	file := write(t, "learners.ndjson", lines(3))
	s.push(s.options(file), CodeRefused)
	s.refuseFrom("", "c00000")
	for range 3 { // nights on which the token is expired
		s.push(s.options(file), CodeUnfinished)
	}
	if got := read(t, file+".refused.ndjson.old"); got != line("c00001") {
		t.Errorf("the list of the first run is %q", got)
	}
	s.refuseFrom("c00002", "")
	s.push(s.options(file), CodeRefused)
	if got := read(t, file+".refused.ndjson"); got != line("c00002") {
		t.Errorf("the list of the last run is %q", got)
	}
}

func TestAListOfRefusedDocumentsIsNotPushedOverItself(t *testing.T) {
	s := startServer(t)
	t.Chdir(t.TempDir())
	for _, name := range []string{"stdin.refused.ndjson", "stdin.refused.ndjson.old"} {
		must(t, os.WriteFile(name, []byte(lines(2)), 0o600))
		stdin, err := os.Open(name)
		must(t, err)
		t.Cleanup(func() { _ = stdin.Close() })
		o := s.options("-")
		o.Stdin = stdin
		if got := s.push(o, CodeUsage); !strings.Contains(got.messages, "stdin is "+name) || read(t, name) != lines(2) || s.requests > 0 {
			t.Errorf("%d requests, %s", s.requests, got.messages)
		}
	}
}

func TestADocumentThatIsOvertakenIsNotRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(id string) map[string]any {
		if id == "c00001" {
			return map[string]any{"status": http.StatusPreconditionFailed, "type": "/problems/revision-outdated", "detail": "A newer one is stored."}
		}
		return nil
	}
	file := write(t, "learners.ndjson", lines(3))
	got := s.push(s.options(file), 0)
	if !strings.Contains(got.output, "overtaken                       1  by a newer revision\n") || len(beside(t, file)) > 0 {
		t.Errorf("%q\n%s", beside(t, file), got.output)
	}
}

func TestASecondRunOfAFileIsTurnedAway(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	file := write(t, "learners.ndjson", lines(1))
	s.reply = func(string) map[string]any {
		second := s.options(file)
		second.Output, second.Messages = io.Discard, io.Discard
		if err := Run(t.Context(), second); codeOf(err) != CodeUsage || !strings.Contains(err.Error(), "another run pushes "+file) {
			t.Errorf("the second run ended with %v", err)
		}
		return nil
	}
	s.push(s.options(file), 0)
	s.reply = nil
	s.push(s.options(file), 0)
}
