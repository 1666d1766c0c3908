package push

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// server speaks the shape of the bulk endpoint, and nothing more lenient. It fails as its tests want.
type server struct {
	*httptest.Server
	t      *testing.T
	caFile string

	// busy is held while a request is served, which may be longer than the run that it is of.
	busy  sync.RWMutex
	mutex sync.Mutex
	// stored has the last document of each contact, and order all that were stored, in their order.
	stored map[string]string
	order  []string
	// requests counts the bulk requests.
	requests int
	// queries are what they asked for.
	queries []string
	// reply is asked for the answer to each line; nil stores it.
	reply func(contactID string) map[string]any
	// cut drops the connection before this many lines of a request are answered, as long as cuts are left.
	cut, cuts int
	// refuse answers a whole request.
	refuse func(w http.ResponseWriter, number int) bool
}

func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, stored: map[string]string{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	s.caFile = filepath.Join(t.TempDir(), "ca.crt")
	must(t, os.WriteFile(s.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.busy.RLock()
	defer s.busy.RUnlock()
	s.mutex.Lock()
	s.requests++
	s.queries = append(s.queries, r.URL.RawQuery)
	number, cut := s.requests, 0
	if s.cuts > 0 {
		s.cuts--
		cut = s.cut
	}
	s.mutex.Unlock()
	if s.refuse != nil && s.refuse(w, number) {
		return
	}
	authorization := "Bearer secret"
	if len(r.TLS.PeerCertificates) > 0 {
		authorization = ""
	}
	for _, header := range [][2]string{{"Authorization", authorization}, {"Content-Type", "application/x-ndjson"}, {"Content-Encoding", "gzip"}} {
		if got := r.Header.Get(header[0]); got != header[1] {
			s.t.Errorf("%s = %q, want %q", header[0], got, header[1])
		}
	}
	if r.Method != http.MethodPost || r.URL.Path != "/gk/api/contacts/" {
		s.t.Errorf("%s %s is no bulk request", r.Method, r.URL)
	}
	_ = http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Content-Type", "application/x-ndjson")
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		return // it was cut off
	}
	length := 0
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, longestLine)
	for line := 1; lines.Scan(); line++ {
		if line == cut {
			panic(http.ErrAbortHandler)
		}
		if length += len(lines.Bytes()) + 1; length > requestBytes {
			s.t.Errorf("a request has more than %d bytes", requestBytes)
		}
		answer := s.take(lines.Text())
		answer["line"] = line
		if json.NewEncoder(w).Encode(answer) != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}

// take stores a line, unless the test wants another answer.
func (s *server) take(line string) map[string]any {
	var sent struct{ Contact struct{ ContactID string } }
	if err := json.Unmarshal([]byte(line), &sent); err != nil {
		return map[string]any{"status": 400, "type": "/problems/not-json", "detail": "Not JSON.",
			"errors": []finding{{Reason: "Syntax", Detail: "This is not JSON."}}}
	}
	id := sent.Contact.ContactID
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.reply != nil {
		if answer := s.reply(id); answer != nil {
			answer["contactID"] = id
			return answer
		}
	}
	status := http.StatusCreated
	if _, known := s.stored[id]; known {
		status = http.StatusOK
	}
	s.stored[id] = line
	s.order = append(s.order, id)
	return map[string]any{"contactID": id, "status": status}
}

// pushed is what a run printed.
type pushed struct{ output, messages string }

// options are those of a run against the server.
func (s *server) options(file string) Options {
	return Options{
		File:    file,
		Server:  Server{URL: s.URL, Token: "secret", CAFile: s.caFile},
		Backoff: &wait.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 5},
	}
}

// push runs with options and checks how it ends.
func (s *server) push(o Options, code int) pushed {
	s.t.Helper()
	var output, messages strings.Builder
	o.Output, o.Messages = &output, &messages
	err := Run(s.t.Context(), o)
	s.rest()
	if got := codeOf(err); got != code || err != nil && code == 0 {
		s.t.Fatalf("the run ended with %d (%v), want %d\n%s%s", got, err, code, output.String(), messages.String())
	}
	if err != nil {
		messages.WriteString(err.Error())
	}
	return pushed{output.String(), messages.String()}
}

// rest waits until no request is served any more.
func (s *server) rest() {
	s.busy.Lock()
	s.busy.Unlock() //nolint:staticcheck // it is only waited for
}

func codeOf(err error) int {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure.Code
	}
	return 0
}

// write makes a file of the content.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// line is a document as NDJSON.
func line(id string) string {
	return fmt.Sprintf(`{"Contact":{"ContactID":%q,"FirstName":"Joe","LastName":"Smith","Email":"joe@acme.com","Enrollments":[]}}`, id) + "\n"
}

// lines are documents of as many contacts.
func lines(count int) string {
	var text strings.Builder
	for i := range count {
		text.WriteString(line(fmt.Sprintf("c%05d", i)))
	}
	return text.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}

// beside lists what lies beside a file, but for the lock, which every run leaves.
func beside(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	var found []string
	for _, entry := range entries {
		if name, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)); ok && name != "" && name != ".push-lock" {
			found = append(found, name)
		}
	}
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
