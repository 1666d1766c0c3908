package faults

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
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
	// stored counts the documents that were acknowledged as stored, unsure those without an answer.
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
	got, err := o.send(client, http.MethodPut, op.contact, header, bodyOf(op.contact, op.document))
	op.returned = time.Since(o.began)
	if err == nil {
		op.answer = o.read(op.contact, got)
	}
	o.record(op)
	return op
}

// read gives what a document was answered.
func (o *office) read(contact string, got response) answer {
	var told struct{ Result, Type string }
	if err := json.Unmarshal(got.body, &told); err != nil {
		o.t.Errorf("%s: %d %q", contact, got.status, got.body)
		return unanswered
	}
	switch got.status {
	case http.StatusCreated, http.StatusOK:
		return answer(told.Result)
	case http.StatusConflict, http.StatusPreconditionFailed:
		return answer(path.Base(told.Type))
	case http.StatusServiceUnavailable:
	default:
		o.t.Errorf("%s: %d %s", contact, got.status, got.body)
	}
	return unanswered
}

func (o *office) record(op operation) {
	switch op.answer {
	case created, replaced, unchanged, conflicting:
		o.stored.Add(1)
	case unanswered:
		o.unsure.Add(1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history[op.contact] = append(o.history[op.contact], op)
}

// get reads the number and the ETag of the document that a door says is stored; ok is false if it says nothing.
func (o *office) get(client *http.Client, contact string) (number int, etag string, ok bool) {
	got, err := o.send(client, http.MethodGet, contact, http.Header{}, nil)
	if err != nil || got.status != http.StatusOK {
		return 0, "", false
	}
	var document struct{ Contact struct{ FirstName string } }
	if err := json.Unmarshal(got.body, &document); err != nil {
		o.t.Errorf("GET of %s: %v", contact, err)
	}
	return parseNumber(document.Contact.FirstName), got.header.Get("ETag"), true
}

// response is what came back whole.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (o *office) send(client *http.Client, method, contact string, header http.Header, body []byte) (response, error) {
	request, err := http.NewRequest(method, o.url+"/gk/api/contacts/"+contact+"/enrollments/", bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	request.Header = header
	request.Header.Set("Authorization", "Bearer "+o.token)
	got, err := client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer got.Body.Close()
	answer, err := io.ReadAll(got.Body)
	return response{got.StatusCode, got.Header, answer}, err
}
