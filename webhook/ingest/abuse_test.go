package ingest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// abuse is what a stranger, or a back office with a bad day, sends byte by byte. The page docs/ingest-api.md says what each
// gets, in the same words.
type abuse struct {
	what string
	// sent goes out as it is; TOKEN in it is a valid token. The sender then waits for the answer.
	sent string
	// status of the answer; 0: the connection is closed without one.
	status int
	// problem is the type of the answer, after /problems/. It is empty where the HTTP library answers by itself.
	problem string
	// pointer is where the problem points, if that is not the document as a whole.
	pointer string
}

// putOf is a request with a body, whose length is right.
func putOf(contactID, body string, headers ...string) string {
	return putHead(contactID, append(headers, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func putHead(contactID string, headers ...string) string {
	lines := append([]string{"PUT " + pathOf(contactID) + " HTTP/1.1", "Host: ingest", "Authorization: Bearer TOKEN",
		"Content-Type: application/json"}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func getOf(path string, headers ...string) string {
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: ingest", "Authorization: Bearer TOKEN"}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// nested is a JSON array in an array, and so on.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

var abuses = []abuse{
	{"a header that never ends (slowloris)", "PUT " + pathOf("abuse") + " HTTP/1.1\r\nHost: ingest\r\nX-A: ", 0, "", ""},
	{"no request at all", "", 0, "", ""},
	{"a body that never ends", putHead("abuse", "Content-Length: 100") + "{", 503, "unavailable", ""},
	{"a body that is too long", putOf("abuse", learner("abuse", "Eve")+strings.Repeat(" ", 1<<20)), 413, "too-large", ""},
	{"a length that is a lie", putHead("abuse", "Content-Length: 99999999999") + learner("abuse", "Eve"), 413, "too-large", ""},
	{"a length that is too short", putHead("abuse", "Content-Length: 40") + learner("abuse", "Eve"), 400, "not-json", ""},
	{"two lengths", putHead("abuse", "Content-Length: 10", "Content-Length: 11") + learner("abuse", "Eve"), 400, "", ""},
	{"a negative length", putHead("abuse", "Content-Length: -1"), 400, "", ""},
	{"an unknown transfer coding", putHead("abuse", "Transfer-Encoding: gzip, chunked"), 501, "", ""},
	{"JSON that is nested 100,000 deep", putOf("abuse", nested(100_000)), 400, "not-json", "*"},
	{"JSON that is nested 5,000 deep", putOf("abuse", `{"Contact": `+nested(5_000)+`}`), 403, "attribute-invalid", "/Contact"},
	{"bytes that are not UTF-8", putOf("abuse", learner("abuse", "E\xffe")), 400, "not-json", "/Contact/FirstName"},
	{"half a surrogate pair", putOf("abuse", strings.Replace(learner("abuse", "Eve"), "Eve", `E\ud800e`, 1)), 400, "not-json", "/Contact/FirstName"},
	{"a NUL character in a name", putOf("abuse", strings.Replace(learner("abuse", "Eve"), "Eve", `E\u0000e`, 1)), 403, "attribute-invalid", "/Contact/FirstName"},
	{"a member twice", putOf("abuse", strings.Replace(learner("abuse", "Eve"), `"LastName"`, `"FirstName": "Eva", "LastName"`, 1)), 403, "attribute-invalid", "/Contact/FirstName"},
	{"a member in other letters", putOf("abuse", strings.Replace(learner("abuse", "Eve"), `"Email"`, `"email"`, 1)), 403, "attribute-invalid", "/Contact/email"},
	{"two documents", putOf("abuse", learner("abuse", "Eve")+learner("abuse", "Eva")), 400, "not-json", ""},
	{"markup in a name", putOf("abuse", learner("abuse", "<script>")), 403, "attribute-invalid", "/Contact/FirstName"},

	{"dots as the contact ID", putOf("..", learner("..", "Eve")), 404, "not-found", ""},
	{"dots, escaped", putOf("%2e%2e", learner("..", "Eve")), 404, "not-found", ""},
	{"dots, escaped twice", putOf("%252e%252e", learner("..", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a slash in the contact ID", putOf("a%2Fb", learner("a/b", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a way out of the path", getOf("/gk/api/contacts/%2e%2e%2f%2e%2e%2fsecrets/enrollments/"), 404, "not-found", ""},
	{"a backslash", putOf(`a%5Cb`, learner(`a\\b`, "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a NUL in the contact ID", putOf("a%00b", learner("ab", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a contact ID of 5,000 characters", putOf(strings.Repeat("a", 5000), learner("abuse", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a contact ID in other letters", putOf("%C3%A4%E2%80%AE", learner("\u00e4\u202e", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a contact ID that is no UTF-8", putOf("%ff", learner("abuse", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"an escape that is none", getOf(pathOf("%zz")), 400, "", ""},
	{"a line break in the contact ID", putOf("a%0d%0aSet-Cookie:%20a=b", learner("abuse", "Eve")), 403, "attribute-invalid", "/Contact/ContactID"},
	{"a line break in a header", getOf(pathOf("abuse"), "X-Request-ID: a\rSet-Cookie: a=b"), 400, "", ""},
	{"a header without a name", getOf(pathOf("abuse"), ": a"), 400, "", ""},
	{"a header of 100 KB", getOf(pathOf("abuse"), "X-A: "+strings.Repeat("a", 100_000)), 431, "", ""},
	{"10,000 headers", getOf(pathOf("abuse"), slices.Repeat([]string{"X-A: a"}, 10_000)...), 431, "", ""},
	{"an unknown method", "BREW " + pathOf("abuse") + " HTTP/1.1\r\nHost: ingest\r\n\r\n", 405, "method-not-allowed", ""},
	{"no host", "GET " + pathOf("abuse") + " HTTP/1.1\r\n\r\n", 400, "", ""},
	{"something that is no HTTP", "EHLO mail.example.com\r\n\r\n", 400, "", ""},
}

func TestAbuseIsRefusedAndStoresNothing(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Limits.HeaderTimeout, o.Limits.ReadTimeout = 500*time.Millisecond, time.Second
	})
	t.Run("all at once", func(t *testing.T) {
		for _, a := range abuses {
			t.Run(a.what, func(t *testing.T) {
				t.Parallel()
				d.check(t, a)
			})
		}
	})
	if stored := slices.Collect(maps.Keys(d.versions())); len(stored) > 0 {
		t.Errorf("abuse is stored: %q", stored)
	}
	if a := d.put("eve", learner("eve", "Eve")); a.status != http.StatusCreated {
		t.Errorf("after all of it, PUT = %d %s", a.status, a.body)
	}
}

func (d *door) check(t *testing.T, a abuse) {
	t.Helper()
	got, answered := d.sendRaw(t, a.sent)
	switch {
	case !answered && a.status != 0:
		t.Fatalf("the connection was closed, want %d", a.status)
	case answered && got.status != a.status:
		t.Fatalf("%d %.300s, want %d", got.status, got.body, a.status)
	case !answered:
		return
	}
	if cookies := got.header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("a header of the answer is the sender's: %v", cookies)
	}
	if a.problem == "" {
		return
	}
	method, rest, _ := strings.Cut(a.sent, " ")
	path, _, _ := strings.Cut(rest, " ")
	if err := contractOf(t).judge(insecure, request{method: method, path: path}, http.Header{}, got); err != nil {
		t.Error(err)
	}
	p := got.problem(t)
	if p.Type != "/problems/"+a.problem {
		t.Errorf("%.300s, want /problems/%s", got.body, a.problem)
	}
	if len(got.body) > 2000 {
		t.Errorf("the answer has %d bytes", len(got.body))
	}
	if a.pointer != "" && a.pointer != "*" && (len(p.Errors) == 0 || p.Errors[0].Pointer != a.pointer) {
		t.Errorf("%.300s, want it to point at %s", got.body, a.pointer)
	}
}

// What follows a bulk request that was given up is the rest of its body, for which nobody waits for ever.
func TestTheRestOfABulkRequestIsNoRequest(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.ReadTimeout = time.Second })
	connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer func() { _ = connection.Close() }()
	must(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/x-ndjson\r\nContent-Length: 5000\r\n\r\n{}\n", bulkPath, d.token)
	must(t, err)
	answers := bufio.NewReader(connection)
	response, err := http.ReadResponse(answers, nil)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	wantStatuses(t, verdicts(t, answer{response.StatusCode, response.Header, string(body)}), "1 403", "2 503")
	if !response.Close {
		t.Error("the connection is to be used again")
	}
	_, err = io.WriteString(connection, getOf("/smuggled"))
	must(t, err)
	if more, err := io.ReadAll(answers); err != nil || len(more) > 0 {
		t.Errorf("the rest of the body is answered %q, %v; want that the connection is closed", more, err)
	}
}

// Somebody who talks HTTP where HTTPS is spoken is told so.
func TestPlainHTTPIsRefused(t *testing.T) {
	d := open(t)
	connection, err := net.Dial("tcp", d.Addr().String())
	must(t, err)
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, strings.ReplaceAll(putOf("abuse", learner("abuse", "Eve")), "TOKEN", "secret"))
	must(t, err)
	answer, err := io.ReadAll(connection)
	if !strings.HasPrefix(string(answer), "HTTP/1.0 400 ") {
		t.Errorf("plain HTTP is answered %q, %v", answer, err)
	}
}

// sendRaw sends bytes and reads the answer; answered is false when the door closes the connection without one.
func (d *door) sendRaw(t *testing.T, sent string) (_ answer, answered bool) {
	t.Helper()
	connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer func() { _ = connection.Close() }()
	must(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	// The door may answer, and close, before it has all of it; the answer is what counts.
	go func() { _, _ = io.WriteString(connection, strings.ReplaceAll(sent, "TOKEN", d.token)) }()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Fatal("the door keeps the connection open")
		}
		return answer{}, false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return answer{response.StatusCode, response.Header, string(body)}, true
}

// row is what the docs say about it.
func (a abuse) row() string {
	gets := "`" + a.problem + "`"
	switch {
	case a.status == 0:
		return "| " + a.what + " | the connection is closed | |"
	case a.problem == "":
		gets = "" // the HTTP library's own words
	}
	return fmt.Sprintf("| %s | %d | %s |", a.what, a.status, gets)
}

func TestTheDocsSayWhatAbuseGets(t *testing.T) {
	page, err := os.ReadFile("../../docs/ingest-api.md")
	must(t, err)
	for _, a := range abuses {
		if !strings.Contains(string(page), a.row()+"\n") {
			t.Errorf("docs/ingest-api.md lacks the line\n%s", a.row())
		}
	}
}
