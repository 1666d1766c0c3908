package ingest

import (
	"context"
	"net/http"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"

	"rollcall.dev/rollcall/webhook/problem"
)

// auditEntry is what the audit says of one document: who sent it, and what became of it. It holds nothing of what the document
// says of a person.
type auditEntry struct {
	contactID, caller string
	dryRun            bool
	// revision and digest are of the document that was sent; without a digest it is not a valid one, or was not read.
	revision *int64
	digest   string
	// stored says that the Contact holds the document, however it was answered.
	stored bool
	// outcome is created, replaced or unchanged, or the type of the problem without its path.
	outcome string
	status  int
}

type entryKey struct{}

// newEntry gives a context in which it is noted what becomes of a document.
func newEntry(ctx context.Context, contactID string) (context.Context, *auditEntry) {
	entry := &auditEntry{contactID: contactID}
	return context.WithValue(ctx, entryKey{}, entry), entry
}

// entryOf gives the entry of the document that a context is about. What is noted where there is none is forgotten.
func entryOf(ctx context.Context) *auditEntry {
	if found, ok := ctx.Value(entryKey{}).(*auditEntry); ok {
		return found
	}
	return &auditEntry{}
}

// audited writes a line for each document that it serves. The lines about callers whom nobody knows are limited.
func (s *Server) audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, entry := newEntry(r.Context(), r.PathValue("contactID"))
		defer func() {
			entry.count()
			if entry.caller != "" || s.refusals.lines.Of("audit").Allow() {
				entry.write(ctx)
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// asked notes how a document is to be stored.
func (e *auditEntry) asked(w wish) { e.dryRun, e.revision = w.dryRun, w.revision }

// accepted notes how a document was answered.
func (e *auditEntry) accepted(t taken) {
	e.outcome, e.status = strings.ToLower(string(t.Result)), t.status()
}

// refused notes the problem that a document was answered with. A conflict is one too, though the document is stored.
func (e *auditEntry) refused(p *problem.Problem) {
	e.outcome, e.status = strings.TrimPrefix(p.Type, "/problems/"), p.Status
}

// count counts the document.
func (e *auditEntry) count() {
	if !e.dryRun {
		documentsTotal.WithLabelValues(e.outcome).Inc()
	}
}

// write logs the document. The request and its trace are in the context's logger.
func (e *auditEntry) write(ctx context.Context) {
	line := []any{"caller", e.caller, "outcome", e.outcome, "status", e.status}
	if isCode(e.contactID) { // else it is anything
		line = append(line, "contactID", e.contactID)
	}
	if e.digest != "" {
		line = append(line, "digest", e.digest)
	}
	if e.revision != nil {
		line = append(line, "revision", *e.revision)
	}
	if e.stored {
		line = append(line, "stored", true)
	}
	if e.dryRun {
		line = append(line, "dryRun", true)
	}
	ctrl.LoggerFrom(ctx).WithName("audit").Info("Document", line...)
}
