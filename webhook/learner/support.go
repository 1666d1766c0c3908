package learner

import (
	"net/http"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

type support struct {
	DisplayName string `json:"displayName"`
}

// getSupport tells who helps with anything.
func (s *Server) getSupport(w http.ResponseWriter, r *http.Request, g *guest) error {
	if err := g.hasSupport(); err != nil {
		return err
	}
	doors.WriteJSON(w, r, http.StatusOK, support{g.platform.Spec.Learners.Support.DisplayName})
	return nil
}

func (s *Server) postToSupport(w http.ResponseWriter, r *http.Request, g *guest) error {
	return s.messages.take(w, r, g, v1alpha1.LearnerMessageSpec{Recipient: v1alpha1.RecipientSupport}, g.hasSupport())
}

func (g *guest) hasSupport() error {
	if g.platform.Spec.Learners.Support.DisplayName == "" {
		return problem.NotFound("The learning platform has no support that learners can write to.")
	}
	return nil
}
