package push

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func refusal403(pointer, reason string) map[string]any {
	return map[string]any{"status": http.StatusForbidden, "type": "/problems/attribute-invalid", "detail": "Nothing was stored.",
		"errors": []finding{{Pointer: pointer, Reason: reason, Detail: "This is wrong."}}}
}

func TestEveryDocumentIsSentOnceAndCounted(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	file := write(t, "learners.ndjson", "\ufeff"+strings.ReplaceAll(lines(3000), "c01000", "c00999")+"\n  \r\n")
	got := s.push(s.options(file), 0)
	if len(s.order) != 3000 || len(s.stored) != 2999 || s.requests != 1 {
		t.Errorf("stored %d documents of %d contacts in %d requests", len(s.order), len(s.stored), s.requests)
	}
	for _, want := range []string{"3000 documents pushed", "created                      2999\n", "replaced or unchanged           1\n"} {
		if !strings.Contains(got.output, want) {
			t.Errorf("the summary lacks %q:\n%s", want, got.output)
		}
	}
	if left := beside(t, file); len(left) > 0 {
		t.Errorf("these files are left: %q", left)
	}
}

func TestGzipAndStdinAreRead(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte(lines(10)))
	must(t, err)
	must(t, zip.Close())

	s := startServer(t)
	s.push(s.options(write(t, "learners.ndjson.gz", packed.String())), 0)
	o := s.options("-")
	o.Stdin = bytes.NewReader(packed.Bytes())
	got := s.push(o, 0)
	if len(s.order) != 20 || !strings.Contains(got.output, "stdin: 10 documents pushed") {
		t.Errorf("stored %d, want 20:\n%s", len(s.order), got.output)
	}
}

func TestADroppedConnectionIsTakenUpAtTheFirstUnansweredLine(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.cut, s.cuts = 700, 3
	got := s.push(s.options(write(t, "learners.ndjson", lines(3000))), 0)
	if len(s.stored) != 3000 || s.requests != 4 {
		t.Errorf("stored %d contacts in %d requests, want 3000 in 4", len(s.stored), s.requests)
	}
	if !strings.Contains(got.messages, "trying again in") {
		t.Errorf("nothing tells of the lost connections:\n%s", got.messages)
	}
}

func TestLinesAnswered503AreSentAgainAndLaterOnesOfTheContactAfterThem(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	busy := 2
	s.reply = func(id string) map[string]any {
		if id == "twice" && busy > 0 {
			busy--
			if busy == 1 { // the older of its two documents, once
				return map[string]any{"status": http.StatusServiceUnavailable, "type": "/problems/unavailable"}
			}
		}
		return nil
	}
	older := line("twice")
	newer := strings.Replace(older, "Smith", "Miller", 1)
	got := s.push(s.options(write(t, "learners.ndjson", line("a")+older+line("b")+newer+line("c"))), 0)
	if s.stored["twice"]+"\n" != newer {
		t.Errorf("the document that stays is the older one: %s", s.stored["twice"])
	}
	if len(s.stored) != 4 || !strings.Contains(got.output, "sent again                      2\n") {
		t.Errorf("stored %q:\n%s", s.order, got.output)
	}
}

func TestADocumentOnWhichTheServerFailsDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	tries := 0
	s.reply = func(id string) map[string]any {
		if id != "c00001" {
			return nil
		}
		tries++
		return map[string]any{"status": http.StatusInternalServerError, "type": "/problems/internal", "detail": "Rollcall failed."}
	}
	file := write(t, "learners.ndjson", lines(5))
	got := s.push(s.options(file), CodeRefused)
	if tries != attempts || len(s.stored) != 4 || read(t, file+".refused.ndjson") != line("c00001") {
		t.Errorf("%d tries, %d stored:\n%s", tries, len(s.stored), got.output)
	}
}

func TestRefusedAndConflictingDocumentsAreListed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(id string) map[string]any {
		switch id {
		case "c00001":
			return refusal403("/Contact/Email", "Malformed")
		case "c00003":
			return map[string]any{"status": http.StatusConflict, "type": "/problems/conflict", "errors": []finding{{
				Pointer: "/Contact/Enrollments/0/CourseCode", Reason: "CourseNotFound", Detail: "No Course\thas it."}}}
		case "c00004":
			return map[string]any{"status": http.StatusConflict, "type": "/problems/revision-reused",
				"errors": []finding{{Header: "Document-Revision", Reason: "Duplicate", Detail: "Give it another."}}}
		}
		return nil
	}
	file := write(t, "learners.ndjson", lines(5)+"no JSON\n")
	got := s.push(s.options(file), CodeRefused)
	if want := line("c00001") + line("c00004") + "no JSON\n"; read(t, file+".refused.ndjson") != want {
		t.Errorf("refused lines:\n%swant\n%s", read(t, file+".refused.ndjson"), want)
	}
	if got, want := read(t, file+".refused.tsv"), reportHeader+
		"2\tc00001\t403\t/problems/attribute-invalid\t/Contact/Email\tMalformed\tThis is wrong.\n"+
		"5\tc00004\t409\t/problems/revision-reused\t/DocumentRevision\tDuplicate\tGive it another.\n"+
		"6\t\t400\t/problems/not-json\t\tSyntax\tThis is not JSON.\n"; got != want {
		t.Errorf("refusals:\n%swant\n%s", got, want)
	}
	if got, want := read(t, file+".conflicts.tsv"), reportHeader+
		"4\tc00003\t409\t/problems/conflict\t/Contact/Enrollments/0/CourseCode\tCourseNotFound\tNo Course has it.\n"; got != want {
		t.Errorf("conflicts:\n%swant\n%s", got, want)
	}
	for _, want := range []string{"stored, with conflicts          1  CourseNotFound 1\n", "refused                         3  400 Syntax 1, 403 Malformed 1, 409 Duplicate 1\n"} {
		if !strings.Contains(got.output, want) {
			t.Errorf("the summary lacks %q:\n%s", want, got.output)
		}
	}
	for _, name := range beside(t, file) {
		if status, err := os.Stat(file + name); err != nil || status.Mode() != private {
			t.Errorf("%s: mode %v, %v", name, status.Mode(), err)
		}
	}

	corrected := file + ".refused.ndjson"
	s.reply = nil
	must(t, os.WriteFile(corrected, []byte(strings.ReplaceAll(read(t, corrected), "no JSON\n", "")), 0o600))
	s.push(s.options(corrected), 0)
	if len(s.stored) != 4 { // the conflicting one is stored at a real server
		t.Errorf("stored %d contacts, want all but the one that conflicts", len(s.stored))
	}
}

func TestAnInterruptedRunIsTakenUp(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	s.reply = func(id string) map[string]any {
		switch {
		case id == "c01500":
			interrupt()
		case strings.HasSuffix(id, "00"):
			return refusal403("/Contact/Email", "Malformed")
		}
		return nil
	}
	file := write(t, "learners.ndjson", lines(3000))
	o := s.options(file)
	var output, messages strings.Builder
	o.Output, o.Messages = &output, &messages
	if err := Run(ctx, o); codeOf(err) != CodeUnfinished || !strings.Contains(err.Error(), "interrupted; the same command goes on") {
		t.Fatalf("the run ended with %v, want an interruption", err)
	}
	s.rest()
	begun := len(s.order)
	left, err := loadState(file + ".push-state")
	must(t, err)
	if left == nil || left.Tally.settled() == 0 || left.Read-int64(len(left.Unsettled)) != left.Tally.settled() {
		t.Fatalf("the state is %+v", left)
	}

	// What a run that is killed appends after its last state is not in it, and must not count.
	refused, err := os.OpenFile(file+".refused.ndjson", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = refused.WriteString(`{"Contact":{"Cont`)
	must(t, err)
	must(t, refused.Close())

	got := s.push(o, CodeRefused)
	if !strings.Contains(got.messages, fmt.Sprintf("going on where an earlier run ended: %d documents are settled", left.Tally.settled())) {
		t.Errorf("nothing tells of the earlier run:\n%s", got.messages)
	}
	if again := len(s.order) - 2971; again < 0 || again > window+readAhead || len(s.stored) != 2971 {
		t.Errorf("stored %d contacts, and %d documents twice (%d by the first run)", len(s.stored), again, begun)
	}
	var want strings.Builder
	for i := 0; i < 3000; i += 100 {
		if i != 1500 {
			want.WriteString(line(fmt.Sprintf("c%05d", i)))
		}
	}
	if got := read(t, file+".refused.ndjson"); got != want.String() {
		t.Errorf("refused lines are lost or doubled:\n%s", got)
	}
	if count := strings.Count(read(t, file+".refused.tsv"), "\n"); count != 30 {
		t.Errorf("the report has %d lines, want a header and 29 refusals", count)
	}
	if slices.Contains(beside(t, file), ".push-state") {
		t.Error("the state is left although all is done")
	}
}

func TestAnotherContentOrAnotherServerOrRestartBeginsAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(t *testing.T, s *server, o *Options)
		message string
	}{
		"content": {func(t *testing.T, _ *server, o *Options) {
			must(t, os.WriteFile(o.File, []byte(lines(500)+line("new")), 0o600))
		}, "was changed since the run"},
		"server":  {func(t *testing.T, _ *server, o *Options) { o.URL = startServer(t).URL }, "to another server"},
		"restart": {func(_ *testing.T, _ *server, o *Options) { o.Restart = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			s.refuse = func(w http.ResponseWriter, number int) bool {
				if number > 1 {
					return false
				}
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			o := s.options(write(t, "learners.ndjson", lines(500)))
			s.push(o, CodeUnfinished)
			test.change(t, s, &o)
			if got := s.push(o, 0); !strings.Contains(got.messages, test.message) || strings.Contains(got.messages, "going on") {
				t.Errorf("messages:\n%s", got.messages)
			}
		})
	}
}

func TestARefusedRequestStopsWithAReason(t *testing.T) {
	t.Parallel()
	for status, hint := range map[int]string{
		http.StatusUnauthorized: "Is the token right", http.StatusForbidden: "not allowed to write", http.StatusNotFound: "--path-prefix",
		http.StatusUnsupportedMediaType: "takes bulk requests", http.StatusFound: "302",
	} {
		s := startServer(t)
		s.refuse = func(w http.ResponseWriter, _ int) bool {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"detail":"So it is."}`)
			return true
		}
		got := s.push(s.options(write(t, "learners.ndjson", lines(5))), CodeUnfinished)
		if s.requests != 1 || !strings.Contains(got.messages, hint) || !strings.Contains(got.messages, "So it is.") {
			t.Errorf("%d: %d requests, %s", status, s.requests, got.messages)
		}
	}
}

func TestACallerWithoutPermissionIsNoFaultOfTheDocuments(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(string) map[string]any {
		return map[string]any{"status": http.StatusForbidden, "type": "/problems/forbidden", "detail": "You may not."}
	}
	file := write(t, "learners.ndjson", lines(5))
	got := s.push(s.options(file), CodeUnfinished)
	if !strings.Contains(got.messages, "403 Forbidden: You may not. The credential is valid, but not allowed") {
		t.Errorf("messages:\n%s", got.messages)
	}
	s.reply = nil
	s.push(s.options(file), 0)
	if len(s.order) != 5 {
		t.Errorf("stored %q when the permission was there", s.order)
	}
}

func TestARunWhoseListsWereCutBeginsAnew(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(id string) map[string]any {
		switch id {
		case "c00001":
			return refusal403("/Contact/Email", "Malformed")
		case "c00003":
			return map[string]any{"status": http.StatusUnauthorized, "type": "/problems/unauthenticated"}
		}
		return nil
	}
	file := write(t, "learners.ndjson", lines(5))
	s.push(s.options(file), CodeUnfinished)
	must(t, os.Truncate(file+".refused.tsv", 10))
	s.reply = func(id string) map[string]any {
		if id == "c00002" {
			return refusal403("/Contact/Email", "Malformed")
		}
		return nil
	}
	got := s.push(s.options(file), CodeRefused)
	if !strings.Contains(got.messages, ".refused.tsv is shorter than it was; starting over") {
		t.Errorf("messages:\n%s", got.messages)
	}
	if got := read(t, file+".refused.ndjson"); got != line("c00002") {
		t.Errorf("refused lines:\n%s", got)
	}
}

func TestAnOverloadedServerIsWaitedForUntilPatienceEnds(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.refuse = func(w http.ResponseWriter, number int) bool {
		if number <= 3 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return number <= 3
	}
	file := write(t, "learners.ndjson", lines(5))
	s.push(s.options(file), 0)
	if len(s.stored) != 5 || s.requests != 4 {
		t.Errorf("stored %d in %d requests", len(s.stored), s.requests)
	}

	s.refuse = func(w http.ResponseWriter, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	got := s.push(s.options(file), CodeUnfinished)
	if !strings.Contains(got.messages, "gave up after 6 tries: the server answered 503") {
		t.Errorf("messages:\n%s", got.messages)
	}
}

func TestAServerThatIsNotTrustedIsSentNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := s.options(write(t, "learners.ndjson", lines(5)))
	o.CAFile = ""
	got := s.push(o, CodeUnfinished)
	if s.requests != 0 || !strings.Contains(got.messages, "--ca-file") {
		t.Errorf("%d requests: %s", s.requests, got.messages)
	}
}

func TestASlowPipeIsSentAsItComes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	stdin, pipe, err := os.Pipe()
	must(t, err)
	arrived := make(chan string)
	s.reply = func(id string) map[string]any {
		arrived <- id
		return nil
	}
	go func() {
		for _, id := range []string{"a", "b", "c"} {
			_, _ = pipe.WriteString(line(id))
			select {
			case got := <-arrived: // the next one is not written before
				if got != id {
					t.Errorf("%s arrived, want %s", got, id)
				}
			case <-time.After(time.Minute):
				t.Errorf("%s did not arrive", id)
			}
		}
		_ = pipe.Close()
	}()
	o := s.options("")
	o.Stdin = stdin
	s.push(o, 0)
}

func TestADryRunSaysWhatWouldChangeAndWritesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(id string) map[string]any {
		switch id {
		case "c00000":
			return map[string]any{"status": 200, "Plan": map[string]any{"Changes": []any{}, "Withdrawals": []any{}}}
		case "c00001":
			return map[string]any{"status": 200, "Plan": map[string]any{
				"Changes":     []any{map[string]any{"Pointer": "/Contact/Enrollments/0", "CourseCode": "1234A", "Change": "Dropped"}},
				"Withdrawals": []any{map[string]any{"CourseCode": "1234A", "Reason": "Dropped"}}}}
		case "c00003":
			return map[string]any{"status": http.StatusConflict, "type": "/problems/conflict", "errors": []finding{{Reason: "CourseNotFound"}},
				"Plan": map[string]any{"Changes": []any{}, "Withdrawals": []any{}}}
		}
		return refusal403("/Contact/Email", "Malformed")
	}
	file := write(t, "learners.ndjson", lines(4))
	o := s.options(file)
	o.DryRun = true
	got := s.push(o, CodeRefused)
	for _, want := range []string{
		"2\tc00001\twithdrawn from 1234A (Dropped)\n", "3\tc00002\t403\t", "stored nothing", "unchanged                       1\n",
		"replaced                        1\n", "withdrawals                     1\n", "members changed                 1  Dropped 1\n",
	} {
		if !strings.Contains(got.output, want) {
			t.Errorf("the output lacks %q:\n%s", want, got.output)
		}
	}
	if left := beside(t, file); len(left) > 0 {
		t.Errorf("these files were written: %q", left)
	}
}

func TestAPersonSeesABar(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(id string) map[string]any {
		if id == "c00000" {
			return refusal403("/Contact/Email", "Malformed")
		}
		return nil
	}
	o := s.options(write(t, "learners.ndjson", lines(300)))
	o.Terminal = true
	if got := s.push(o, CodeRefused); !strings.Contains(got.messages, "1 refused 100%") || !strings.Contains(got.messages, "(300/300, ") {
		t.Errorf("the bar is %q", got.messages)
	}
}
