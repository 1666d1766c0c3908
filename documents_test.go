package main

import (
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
	c.mustPut(d, http.StatusCreated, "Document-Revision", "7")
	before := c.waitForContact("000123", v1alpha1.ReasonSynced)
	if got := before.Status.Document.Revision; got == nil || *got != 7 {
		t.Fatalf("status.document.revision = %v, want 7", got)
	}
	calls := len(c.lms.Calls())
	c.mustPut(d, http.StatusOK, "Document-Revision", "8")
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
	c.mustPut(joe("000123"), http.StatusPreconditionFailed, "Document-Revision", "6")
	if got := c.contact("000123").Spec.Enrollments; len(got) != 1 {
		t.Errorf("an older document left the enrollments %v", got)
	}
}
