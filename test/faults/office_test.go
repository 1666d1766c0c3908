package faults

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// office is the back office. It sends documents through the balancer and keeps the history.
type office struct {
	t     testing.TB
	url   string
	token string
	began time.Time
	// stored counts the documents that were acknowledged as stored, unsure those whose answer was waited for in vain.
	stored, unsure atomic.Int64

	mu      sync.Mutex
	history map[string][]operation // by contact
	numbers map[string]int         // the last document of each contact
}

func newOffice(c *cluster) *office {
	return &office{t: c.t, url: "https://" + c.balancer.address, token: c.token, began: time.Now(),
		history: map[string][]operation{}, numbers: map[string]int{}}
}

// next gives the number of the next document of a contact.
func (o *office) next(contact string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.numbers[contact]++
	return o.numbers[contact]
}

// put sends what an operation says and adds it, with its answer, to the history.
func (o *office) put(client *http.Client, op operation, etag string) operation {
	header := http.Header{"Content-Type": {"application/json"}}
	if op.revision != unnumbered {
		header.Set("Document-Revision", strconv.FormatInt(op.revision, 10))
	}
	if op.match != 0 {
		header.Set("If-Match", etag)
	}
	op.called = time.Since(o.began)
	got, err := o.send(client, http.MethodPut, op.contact+"/enrollments/", header, bodyOf(op))
	if errors.Is(err, errNotSent) {
		return op
	}
	if err == nil {
		defer got.Body.Close()
		if body, err := io.ReadAll(got.Body); err == nil {
			op.answer = o.read(got.StatusCode, body)
		}
	}
	op.returned = time.Since(o.began)
	if op.answer == unanswered {
		o.unsure.Add(1)
	}
	o.record(op)
	return op
}

// post sends documents in one bulk request, and hangs up when it has read as many answers as its patience allows. It is
// true if all of them were answered, or it hung up. A contact may be in several lines if nobody else writes to it.
func (o *office) post(client *http.Client, lines []operation, patience int) bool {
	var body bytes.Buffer
	earlier := map[string]*operation{}
	for i := range lines {
		line := &lines[i]
		body.Write(lineOf(*line))
		line.called = time.Since(o.began)
		// Lines of one contact take effect one after the other. So that the checker sees to it, each of them ends before the
		// next one begins.
		if before := earlier[line.contact]; before != nil {
			before.returned = line.called - 1
		}
		earlier[line.contact] = line
	}
	got, err := o.send(client, http.MethodPost, "", http.Header{"Content-Type": {"application/x-ndjson"}}, body.Bytes())
	if errors.Is(err, errNotSent) {
		return false
	}
	if err == nil {
		defer got.Body.Close()
		if got.StatusCode == http.StatusOK {
			patience = o.readLines(got.Body, lines, patience)
		} else if got.StatusCode != http.StatusServiceUnavailable {
			o.t.Errorf("a bulk request is answered %s", got.Status)
		}
	}
	missing := 0
	for _, line := range lines {
		if line.answer == unanswered {
			missing++
		}
		line.returned = cmp.Or(line.returned, time.Since(o.began))
		o.record(line)
	}
	if patience == 0 {
		return true
	}
	o.unsure.Add(int64(missing))
	return missing == 0
}

// readLines notes the answers to the lines of a bulk request, and gives the patience that is left.
func (o *office) readLines(body io.Reader, lines []operation, patience int) int {
	answers := bufio.NewReader(body)
	for ; patience > 0; patience-- {
		answer, err := answers.ReadBytes('\n')
		if err != nil {
			break
		}
		o.readLine(answer, lines)
	}
	return patience
}

// readLine notes the answer to a line of a bulk request.
func (o *office) readLine(answer []byte, lines []operation) {
	var told struct {
		Line, Status int
		ContactID    string
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Line < 1 || told.Line > len(lines) {
		o.t.Errorf("a line of %d is answered %q", len(lines), answer)
		return
	}
	if told.Status == http.StatusServiceUnavailable {
		return // it may also say that the stream ends here
	}
	line := &lines[told.Line-1]
	if told.ContactID != line.contact || line.answer != unanswered {
		o.t.Errorf("line %d, of %s, is answered %s", told.Line, line.contact, answer)
	}
	line.answer, line.returned = o.read(told.Status, answer), cmp.Or(line.returned, time.Since(o.began))
}

// read gives what a document was answered.
func (o *office) read(status int, body []byte) answer {
	var told struct{ Result, Type string }
	err := json.Unmarshal(body, &told)
	switch {
	case err != nil:
	case status == http.StatusCreated:
		return created
	case status == http.StatusOK:
		return cmp.Or(answer(told.Result), accepted)
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return answer(path.Base(told.Type))
	case status == http.StatusServiceUnavailable:
		return unanswered
	}
	o.t.Errorf("a document is answered %d %s", status, body)
	return unanswered
}

func (o *office) record(op operation) {
	switch op.answer {
	case created, replaced, unchanged, accepted, conflicting:
		o.stored.Add(1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history[op.contact] = append(o.history[op.contact], op)
}

// get reads the number and the ETag of the document that a door says is stored; ok is false if it says nothing.
func (o *office) get(client *http.Client, contact string) (number int, etag string, ok bool) {
	got, err := o.send(client, http.MethodGet, contact+"/enrollments/", http.Header{}, nil)
	if err != nil {
		return 0, "", false
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK {
		return 0, "", false
	}
	var document struct{ Contact struct{ FirstName string } }
	if err := json.Unmarshal(body, &document); err != nil {
		o.t.Errorf("GET of %s: %v", contact, err)
	}
	return parseNumber(document.Contact.FirstName), got.Header.Get("ETag"), true
}

// errNotSent is about a request for which there was no connection.
var errNotSent = errors.New("nothing was sent")

func (o *office) send(client *http.Client, method, path string, header http.Header, body []byte) (*http.Response, error) {
	connected := false
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected = true },
	})
	request, err := http.NewRequestWithContext(ctx, method, o.url+"/gk/api/contacts/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header
	request.Header.Set("Authorization", "Bearer "+o.token)
	response, err := client.Do(request)
	if !connected {
		return nil, errors.Join(err, errNotSent)
	}
	return response, err
}
