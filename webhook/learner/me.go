package learner

import (
	"net/http"

	"rollcall.dev/rollcall/webhook/doors"
)

type me struct {
	ContactID string `json:"contactID"`
}

// getMe tells a page whose it is, so that it needs to know nothing.
func (s *Server) getMe(w http.ResponseWriter, r *http.Request, g *guest) error {
	doors.WriteJSON(w, r, http.StatusOK, me{g.contact.Spec.ContactID})
	return nil
}
