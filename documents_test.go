package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// A document that comes again with a higher number is newer, though nothing in it is: the record says so, and nobody is
// asked for it.
func TestTheStatusNamesTheNewestRevision(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	d := joe("000123", "1234A")
	c.numbered(d, 7, http.StatusCreated)
	before := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := before.Status.Document.Revision; got == nil || *got != 7 {
		t.Fatalf("status.document.revision = %v, want 7", got)
	}
	calls := len(c.lms.Calls())
	c.numbered(d, 8, http.StatusOK)
	c.eventually("the status has the new revision", func() error {
		if got := c.contact("000123").Status.Document.Revision; *got != 8 {
			return fmt.Errorf("it has %d", *got)
		}
		return nil
	})
	after := c.contact("000123")
	if after.Generation != before.Generation || after.Status.Document.Digest != before.Status.Document.Digest {
		t.Error("the same document changed the Contact")
	}
	if got := len(c.lms.Calls()); got != calls {
		t.Errorf("%d calls to the LMS for a document that did not change", got-calls)
	}
	c.numbered(joe("000123"), 6, http.StatusPreconditionFailed)
	if got := c.contact("000123").Spec.Enrollments; len(got) != 1 {
		t.Errorf("an older document left the enrollments %v", got)
	}
}

// numbered sends a document with a revision and checks the status of the answer.
func (c *company) numbered(d *document, revision, want int) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"Contact": d})
	must(c.t, err)
	request, err := http.NewRequest(http.MethodPut, "https://"+c.door+"/gk/api/contacts/"+d.ContactID+"/enrollments/", bytes.NewReader(body))
	must(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Document-Revision", fmt.Sprint(revision))
	response, err := c.http.Do(request)
	must(c.t, err)
	must(c.t, response.Body.Close())
	if response.StatusCode != want {
		c.t.Fatalf("PUT of revision %d = %d, want %d", revision, response.StatusCode, want)
	}
}
