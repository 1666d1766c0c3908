package ingest

import (
	"net/http"

	ctrl "sigs.k8s.io/controller-runtime"
)

// put stores a document.
func (s *Server) put(w http.ResponseWriter, r *http.Request) error {
	ctx, contactID := r.Context(), r.PathValue("contactID")
	caller, err := s.access.allow(r, "update", contactID)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	sent, err := decode(body)
	if err != nil {
		return err
	}
	if err := sent.validate(contactID); err != nil {
		return err
	}
	contact, result, err := s.store.put(ctx, sent.spec(), caller)
	if err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).V(1).Info("Stored a document", "contactID", contactID, "result", result, "source", caller)
	// A conflict is no reason not to store.
	conflicts, err := s.store.conflicts(ctx, contact)
	if err != nil {
		return err
	}
	switch {
	case len(conflicts) > 0:
		return conflicting(conflicts)
	case result == created:
		writeJSON(w, r, http.StatusCreated, receipt{result})
	default:
		writeJSON(w, r, http.StatusOK, receipt{result})
	}
	return nil
}

// receipt is the answer to a document that is stored and has no conflict.
type receipt struct {
	Result outcome `json:"Result"`
}
