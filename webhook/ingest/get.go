package ingest

import (
	"net/http"

	"k8s.io/utils/ptr"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/page"
)

// get gives a document back and says where it stands: as JSON, or as a page to whoever prefers that.
func (s *Server) get(w http.ResponseWriter, r *http.Request) error {
	contactID := r.PathValue("contactID")
	if _, err := s.gatekeeper.allow(r, "get", contactID); err != nil {
		return err
	}
	found, err := s.store.record(r.Context(), contactID)
	if err != nil {
		return err
	}
	nameDocument(w.Header(), documents.Digest(&found.contact.Spec), documents.Revision(found.contact))
	if page.Wanted(w, r) {
		page.Write(w, r, http.StatusOK, recordPage, viewOf(found, s.store.clock.Now()))
		return nil
	}
	doors.WriteJSON(w, r, http.StatusOK, answerOf(found))
	return nil
}

// documentAnswer is the answer to GET: the document, and where it stands.
type documentAnswer struct {
	document
	Status contactState `json:"Status"`
}

type contactState struct {
	// State is the word that `kubectl get contacts` shows.
	State string `json:"State"`
	// Ready is true when everything is in step with the LMS.
	Ready   bool   `json:"Ready"`
	Message string `json:"Message"`
	// Username on the LMS, once it is known.
	Username string `json:"Username,omitzero"`
	// Enrollments are the courses of the record.
	Enrollments []enrollmentState `json:"Enrollments"`
}

type enrollmentState struct {
	CourseCode string          `json:"CourseCode"`
	State      string          `json:"State"`
	Access     v1alpha1.Access `json:"Access,omitzero"`
	Enrolled   bool            `json:"Enrolled"`
	Mode       string          `json:"Mode,omitzero"`
	Message    string          `json:"Message,omitzero"`
}

func answerOf(found *record) documentAnswer {
	overall := standingOf(found.contact, found.contact.Status.Conditions)
	state := contactState{State: overall.state, Ready: overall.ready(), Message: overall.message,
		Username: found.contact.Status.Learner.Username, Enrollments: []enrollmentState{}}
	for i := range found.courses {
		listed := &found.courses[i]
		stands := listed.standing()
		shown := enrollmentState{CourseCode: listed.code(), State: stands.state, Message: stands.message, Access: listed.access()}
		if made := listed.made; made != nil {
			shown.Enrolled, shown.Mode = ptr.Deref(made.Status.Enrolled, false), made.Status.Mode
		}
		state.Enrollments = append(state.Enrollments, shown)
	}
	return documentAnswer{documentOf(&found.contact.Spec), state}
}
