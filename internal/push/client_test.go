package push

import (
	"strings"
	"testing"
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
