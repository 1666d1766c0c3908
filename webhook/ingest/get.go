package ingest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=enrollments,verbs=get;list;watch

// record is the answer to GET: the document, and where it stands.
type record struct {
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
	// Enrollments are those of the document, in its order, and after them those that go beyond it: dropped ones that
	// are being withdrawn, and extra ones.
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

// get gives a document back.
func (s *Server) get(w http.ResponseWriter, r *http.Request) error {
	ctx, contactID := r.Context(), r.PathValue("contactID")
	if _, err := s.gatekeeper.allow(r, "get", contactID); err != nil {
		return err
	}
	contact := &v1alpha1.Contact{}
	err := s.store.cached.Get(ctx, client.ObjectKey{Namespace: s.store.namespace, Name: names.Contact(contactID)}, contact)
	if apierrors.IsNotFound(err) || err == nil && contact.Spec.ContactID != contactID {
		return problem.NotFound("No document of this contact is stored.")
	}
	if err != nil {
		return fmt.Errorf("cannot read the Contact: %w", err)
	}
	enrollments, err := s.store.enrollments(ctx, contact)
	if err != nil {
		return err
	}
	nameDocument(w.Header(), documents.Digest(&contact.Spec), documents.Revision(contact))
	writeJSON(w, r, http.StatusOK, record{documentOf(&contact.Spec), stateOf(contact, enrollments)})
	return nil
}

// enrollments gives the Enrollments of a Contact in the order of their names.
func (s *store) enrollments(ctx context.Context, contact *v1alpha1.Contact) ([]v1alpha1.Enrollment, error) {
	var list v1alpha1.EnrollmentList
	if err := s.cached.List(ctx, &list, client.InNamespace(s.namespace),
		client.DisableReadYourWritesConsistency, // ingest writes no Enrollments
		client.MatchingFields{index.EnrollmentByContact: contact.Name}); err != nil {
		return nil, fmt.Errorf("cannot read the Enrollments: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Enrollment) int { return cmp.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// stateOf says where a Contact and its Enrollments stand.
func stateOf(contact *v1alpha1.Contact, enrollments []v1alpha1.Enrollment) contactState {
	state := contactState{Username: contact.Status.Learner.Username, Enrollments: []enrollmentState{}}
	state.State, state.Ready, state.Message = readiness(contact, contact.Status.Conditions)

	byName := make(map[string]*v1alpha1.Enrollment, len(enrollments))
	for i := range enrollments {
		byName[enrollments[i].Name] = &enrollments[i]
	}
	for _, access := range contact.Spec.Enrollments {
		name := names.Enrollment(contact.Spec.ContactID, access.CourseCode)
		switch made, ok := byName[name]; {
		case ok:
			state.Enrollments = append(state.Enrollments, enrollmentStateOf(made))
			delete(byName, name)
		case state.Ready:
			// The object of an access that ended long ago is gone; the document outlives it.
			state.Enrollments = append(state.Enrollments, enrollmentState{CourseCode: access.CourseCode,
				State: v1alpha1.ReasonSynced, Access: v1alpha1.AccessEnded})
		default:
			state.Enrollments = append(state.Enrollments, enrollmentState{CourseCode: access.CourseCode,
				State: v1alpha1.ReasonQueued})
		}
	}
	for i := range enrollments {
		if extra, ok := byName[enrollments[i].Name]; ok {
			state.Enrollments = append(state.Enrollments, enrollmentStateOf(extra))
		}
	}
	return state
}

func enrollmentStateOf(enrollment *v1alpha1.Enrollment) enrollmentState {
	state := enrollmentState{
		CourseCode: enrollment.Spec.CourseCode,
		Access:     enrollment.Status.Access,
		Enrolled:   enrollment.Status.Enrolled != nil && *enrollment.Status.Enrolled,
		Mode:       enrollment.Status.Mode,
	}
	state.State, _, state.Message = readiness(enrollment, enrollment.Status.Conditions)
	return state
}

// readiness reads the Ready condition. One that speaks of an older generation says nothing of the stored document.
func readiness(object client.Object, conditions []metav1.Condition) (state string, ready bool, message string) {
	condition := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if condition == nil || condition.ObservedGeneration < object.GetGeneration() {
		return v1alpha1.ReasonQueued, false, "Stored; the work on it has not begun."
	}
	return condition.Reason, condition.Status == metav1.ConditionTrue, condition.Message
}
