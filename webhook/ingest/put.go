package ingest

import (
	"context"
	"net/http"
	"strconv"

	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// put stores a document. The time that its body takes to arrive has a limit of its own, and is no part of the work.
func (s *Server) put(w http.ResponseWriter, r *http.Request) error {
	contactID := r.PathValue("contactID")
	asking, cancel := context.WithTimeout(r.Context(), s.limits.RequestTimeout)
	defer cancel()
	caller, err := s.gatekeeper.allow(r.WithContext(asking), "update", contactID)
	if err != nil {
		return err
	}
	wish, err := wishOf(r)
	if err != nil {
		return err
	}
	entryOf(r.Context()).asked(wish)
	deadline, _ := asking.Deadline()
	begun := clock.RealClock{}.Now()
	body, err := doors.ReadBody(r, s.limits.DocumentBytes)
	if err != nil {
		return err
	}
	working, cancel := context.WithDeadline(r.Context(), deadline.Add(clock.RealClock{}.Since(begun)))
	defer cancel()
	sent, fault := decode[document](body)
	taken, err := s.receive(working, caller, parcel{contactID: contactID, document: sent, wish: wish, fault: fault})
	if err != nil {
		return err
	}
	taken.describe(w.Header())
	if len(taken.conflicts) > 0 {
		return conflicting(taken)
	}
	doors.WriteJSON(w, r, taken.status(), taken.receipt)
	return nil
}

// parcel is one document as it came in: in a PUT, or in a line of a bulk request.
type parcel struct {
	// contactID is whose document it is said to be, by the URL or by the line itself.
	contactID string
	document  document
	wish      wish
	// fault is why it is not looked at, such as that it holds no document.
	fault error
}

// receive decides about a document. Every one that comes in, by PUT or in a line of a bulk request, goes through here.
func (s *Server) receive(ctx context.Context, caller string, sent parcel) (taken, error) {
	if sent.fault != nil {
		return taken{}, sent.fault
	}
	if err := sent.document.validate(sent.contactID); err != nil {
		return taken{}, err
	}
	return s.take(ctx, submission{caller: caller, document: sent.document.spec(), wish: sent.wish})
}

// submission is a valid document, and how its caller wants it stored.
type submission struct {
	// caller is the name of who sends it.
	caller   string
	document v1alpha1.ContactSpec
	wish
}

// taken is what became of a document that was not refused.
type taken struct {
	receipt
	// conflicts are the parts that cannot be carried out yet.
	conflicts []problem.Error
	// digest names the document that is stored now; revision is the highest that its sender gave, if any.
	digest   string
	revision *int64
}

// receipt is the answer to a document that has no conflict.
type receipt struct {
	Result outcome `json:"Result"`
	// Plan is there in a dry run, in which nothing is stored.
	Plan *plan `json:"Plan,omitzero"`
}

// take stores a document, or goes through it in a dry run. A conflict is no reason not to store.
func (s *Server) take(ctx context.Context, sub submission) (taken, error) {
	entry := entryOf(ctx)
	entry.digest = documents.Digest(&sub.document)
	stored, err := s.store.put(ctx, sub)
	if err != nil {
		return taken{}, err
	}
	entry.stored = !sub.dryRun
	result := taken{
		receipt:  receipt{Result: stored.result},
		digest:   entry.digest,
		revision: documents.Revision(stored.contact),
	}
	if result.conflicts, err = s.store.conflicts(ctx, stored.contact, sub.dryRun); err != nil {
		return taken{}, err
	}
	if sub.dryRun {
		if result.Plan, err = s.store.plan(ctx, stored); err != nil {
			return taken{}, err
		}
	}
	entry.accepted(result)
	return result, nil
}

// status is the HTTP status of the answer.
func (t *taken) status() int {
	switch {
	case len(t.conflicts) > 0:
		return http.StatusConflict
	case t.Result == created:
		return http.StatusCreated
	default:
		return http.StatusOK
	}
}

// describe names the document in the headers of an answer. What a dry run would store has no name yet.
func (t *taken) describe(header http.Header) {
	if t.Plan == nil {
		nameDocument(header, t.digest, t.revision)
	}
}

// nameDocument names a stored document in the headers of an answer.
func nameDocument(header http.Header, digest string, revision *int64) {
	header.Set("ETag", doors.ETag(digest))
	if revision != nil {
		header.Set(revisionHeader, strconv.FormatInt(*revision, 10))
	}
}
