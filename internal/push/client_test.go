package push

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestAnAddressWithMoreThanAPathIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, more := range []string{"/#here", "/?dryRun=None", "?", "#"} {
		o := s.options(write(t, "learners.ndjson", lines(1)))
		o.DryRun = true
		o.URL += more
		code := CodeUsage
		if len(more) == 1 {
			code = CodeUnfinished // there is nothing in it; it is asked as any other, and this server answers no dry runs
		}
		s.push(o, code)
	}
	for _, query := range s.queries {
		if query != "dryRun=All" {
			t.Errorf("a dry run was asked for with %q", query)
		}
	}
	if len(s.queries) != 2 {
		t.Errorf("%d requests, want those without more than a mark", len(s.queries))
	}
}

func TestADryRunThatIsAnsweredWithoutAPlanStops(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := s.options(write(t, "learners.ndjson", lines(3)))
	o.DryRun = true
	if got := s.push(o, CodeUnfinished); !strings.Contains(got.messages, "may be stored") {
		t.Error(got.messages)
	}
}

func TestRequestsStayUnderTheirLimit(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	long := strings.Repeat(" ", 6<<20)
	var content strings.Builder
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		content.WriteString(long + line(id))
	}
	whole := line("f")
	content.WriteString(strings.Repeat(" ", requestBytes-len(whole)) + whole + line("g"))
	s.push(s.options(write(t, "learners.ndjson", content.String())), 0) // the server counts
	if len(s.stored) != 7 || s.requests != 5 {
		t.Errorf("stored %q in %d requests, want 2, 2, 1, 1, 1", s.order, s.requests)
	}
}

func TestATokenComesFromAFileThatIsReadAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := s.options(write(t, "learners.ndjson", lines(3)))
	o.Token, o.TokenFile = "another", write(t, "token", "expired\n")
	s.refuse = func(w http.ResponseWriter, number int) bool {
		if number == 1 {
			must(t, os.WriteFile(o.TokenFile, []byte("secret\n"), 0o600))
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return number == 1
	}
	s.push(o, 0) // the server looks at the token
	if s.requests != 2 || len(s.stored) != 3 {
		t.Errorf("stored %q in %d requests", s.order, s.requests)
	}
}

func TestATokenMayHaveWhiteSpaceAroundIt(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := s.options(write(t, "learners.ndjson", lines(3)))
	o.Token = " secret\n"
	s.push(o, 0)
}

func TestACallerIsKnownByItsCertificate(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.TLS.ClientAuth = tls.RequireAnyClientCert
	own := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	must(t, err)

	o := s.options(write(t, "learners.ndjson", lines(3)))
	o.Backoff = &wait.Backoff{}
	s.push(o, CodeUnfinished)
	if s.requests > 0 {
		t.Fatal("the server takes callers without a certificate")
	}
	o.Token, o.ClientCert = "", s.caFile
	o.ClientKey = write(t, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	s.push(o, 0)
	if len(s.stored) != 3 {
		t.Errorf("stored %q", s.order)
	}
}

func TestAServerThatFallsSilentIsNotWaitedForAnyLonger(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	clock := clocktesting.NewFakeClock(time.Now())
	release := make(chan struct{})
	s.refuse = func(_ http.ResponseWriter, _ int) bool {
		clock.Step(silence)
		<-release
		return true
	}
	o := s.options(write(t, "learners.ndjson", lines(3)))
	o.Clock, o.Backoff = clock, &wait.Backoff{}
	o.Output, o.Messages = io.Discard, io.Discard
	err := Run(t.Context(), o)
	close(release)
	s.rest()
	if codeOf(err) != CodeUnfinished || !strings.Contains(err.Error(), errSilent.Error()) {
		t.Errorf("the run ended with %v", err)
	}
}

func TestASummaryThatCannotBeWrittenChangesNoExitCode(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for code, reply := range map[int]func(string) map[string]any{
		0:           nil,
		CodeRefused: func(string) map[string]any { return refusal403("/Contact/Email", "Malformed") },
	} {
		s.reply = reply
		o := s.options(write(t, "learners.ndjson", lines(3)))
		var messages strings.Builder
		o.Output, o.Messages = fullDisk{}, &messages
		err := Run(t.Context(), o)
		s.rest()
		if codeOf(err) != code || err != nil && strings.Contains(err.Error(), "goes on") || !strings.Contains(messages.String(), "no space") {
			t.Errorf("the run ended with %v, want code %d\n%s", err, code, messages.String())
		}
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestABodyThatIsRefusedIsNoFaultOfADocument(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.reply = func(string) map[string]any {
		return map[string]any{"status": http.StatusBadRequest, "type": "/problems/bad-request", "detail": "This is not gzip.",
			"errors": []finding{{Header: "Content-Encoding", Reason: "Inconsistent"}}}
	}
	file := write(t, "learners.ndjson", lines(3))
	if got := s.push(s.options(file), CodeUnfinished); !strings.Contains(got.messages, "This is not gzip.") {
		t.Error(got.messages)
	}
	s.reply = nil
	s.push(s.options(file), 0)
	if len(s.stored) != 3 {
		t.Errorf("stored %q", s.order)
	}
}

func TestARequestEndsWhenMuchOfItHasToBeSentAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	asked := 0
	s.reply = func(string) map[string]any {
		if asked++; asked == 1 { // all that follows is of the same contact, and waits for this one
			return map[string]any{"status": http.StatusServiceUnavailable, "type": "/problems/unavailable"}
		}
		return nil
	}
	s.push(s.options(write(t, "learners.ndjson", strings.Repeat(line("c"), 3000))), 0)
	if twice := asked - 3000; twice < window || twice > 3*window {
		t.Errorf("%d documents were sent twice, want little more than %d", twice, window)
	}
}
