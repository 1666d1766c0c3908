package learner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=learnermessages,verbs=create;get;list;watch

// idempotencyHeader names a message, so that it is sent once however often its request comes.
const idempotencyHeader = "Idempotency-Key"

var idempotencyKey = regexp.MustCompile(`^[!-~]{1,255}$`)

const (
	// maxKept is how many messages of one learner are kept at a time: what one person writes fills neither the API server nor
	// the memory of the replicas.
	maxKept = 100
	// keptRetryAfter is when to come again then. Which message goes next, and when, depends on its delivery.
	keptRetryAfter = time.Hour
)

// messages keeps what learners write.
type messages struct {
	// cached has no texts.
	cached client.Client
	live   client.Reader
	// paces are those of the learners.
	paces *doors.Rates
}

// message is what a learner is told of a message.
type message struct {
	MessageID    string      `json:"messageID"`
	To           string      `json:"to"`
	CourseCode   string      `json:"courseCode,omitzero"`
	State        string      `json:"state"`
	AcceptedTime metav1.Time `json:"acceptedTime"`
}

// getMessage tells how far a message of the learner's is.
func (s *Server) getMessage(w http.ResponseWriter, r *http.Request, g *guest) error {
	id := r.PathValue("messageID")
	found, err := find(r.Context(), s.cache, g, id)
	if found == nil && err == nil {
		found, err = find(r.Context(), s.messages.cached, g, id) // It may have been stored a moment ago.
	}
	if err != nil {
		return err
	}
	if found == nil || !found.IsOf(g.contact) {
		return problem.NotFound("This is no message of yours, or one that is not kept any more.")
	}
	doors.WriteJSON(w, r, http.StatusOK, answerOf(found))
	return nil
}

// take stores the message of a request; to says where it goes, and closed why nothing can go there now. What is stored already is
// acknowledged again all the same.
func (m *messages) take(w http.ResponseWriter, r *http.Request, g *guest, to v1alpha1.LearnerMessageSpec, closed error) error {
	name, repeatable, err := nameOf(r, g)
	switch {
	case err != nil:
		return err
	case closed != nil && !repeatable:
		return closed
	}
	body, err := doors.ReadBody(r, maxBody)
	if err != nil {
		return err
	}
	sent, err := decode(body)
	if err != nil {
		return err
	}
	to.ContactRef.Name, to.PlatformRef.Name = g.contact.Name, g.platform.Name
	to.Subject, to.Text = sent.subject(), *sent.Text
	stored, err := m.store(r.Context(), g, name, repeatable, &to, closed)
	if err != nil {
		return err
	}
	w.Header().Set("Location", prefix+"/learner/contacts/"+url.PathEscape(g.contact.Spec.ContactID)+"/messages/"+stored.Name+"/")
	doors.WriteJSON(w, r, http.StatusCreated, answerOf(stored))
	return nil
}

// nameOf gives the name of the message that a request sends: a new one, or that of all requests of the learner's to the same
// address with the same key, which can be repeated.
func nameOf(r *http.Request, g *guest) (name string, repeatable bool, err error) {
	keys := r.Header.Values(idempotencyHeader)
	switch {
	case len(keys) == 0:
		return uuid.NewString(), false, nil
	case len(keys) > 1 || !idempotencyKey.MatchString(keys[0]):
		return "", false, problem.BadRequest(problem.Error{Header: idempotencyHeader, Reason: problem.ReasonMalformed,
			Detail: "This must be 1 to 255 visible characters of ASCII, once."})
	default:
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", g.contact.UID, r.PathValue("courseID"), keys[0]))
		return hex.EncodeToString(sum[:16]), true, nil
	}
}

// store stores a message, unless it is stored already.
func (m *messages) store(ctx context.Context, g *guest, name string, repeatable bool, spec *v1alpha1.LearnerMessageSpec, closed error) (*v1alpha1.LearnerMessage, error) {
	if err := g.visit.storing.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("cannot store a message beside others of the learner's: %w", err)
	}
	defer g.visit.storing.Release(1)
	if repeatable {
		found, err := find(ctx, m.cached, g, name)
		if found != nil {
			found, err = find(ctx, m.live, g, name)
		}
		if found != nil || err != nil {
			return same(found, spec, err)
		}
	}
	if closed != nil {
		return nil, closed
	}
	pace := m.paces.Of(string(g.contact.UID))
	if left := pace.Tokens(); left < 1 {
		wait := time.Duration((1 - left) / float64(pace.Limit()) * float64(time.Second))
		return nil, problem.TooManyRequests("You have sent as many messages as one may in an hour.", wait)
	}
	if err := m.checkKept(ctx, g); err != nil {
		return nil, err
	}
	made := &v1alpha1.LearnerMessage{ObjectMeta: metav1.ObjectMeta{Namespace: g.contact.Namespace, Name: name}, Spec: *spec}
	// It is not kept longer than the contact is.
	if err := controllerutil.SetOwnerReference(g.contact, made, m.cached.Scheme()); err != nil {
		return nil, fmt.Errorf("cannot own a message: %w", err)
	}
	switch err := m.cached.Create(ctx, made); {
	case repeatable && apierrors.IsAlreadyExists(err): // a moment ago, or on another replica
		found := &v1alpha1.LearnerMessage{}
		return same(found, spec, m.live.Get(ctx, client.ObjectKeyFromObject(made), found))
	case err != nil:
		return nil, fmt.Errorf("cannot store a message: %w", err)
	}
	pace.Reserve() // only what is stored counts
	return made, nil
}

// checkKept refuses a learner of whom enough is kept.
func (m *messages) checkKept(ctx context.Context, g *guest) error {
	var kept v1alpha1.LearnerMessageList
	if err := m.cached.List(ctx, &kept, client.InNamespace(g.contact.Namespace), client.MatchingFields{index.MessageByContact: g.contact.Name},
		client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("cannot count the messages of a learner: %w", err)
	}
	if len(kept.Items) >= maxKept {
		return problem.TooManyRequests(fmt.Sprintf("%d messages of yours are kept, as many as may be at a time. They are deleted some time after they were delivered.",
			len(kept.Items)), keptRetryAfter)
	}
	return nil
}

// same gives the stored message, if it is the one that was sent. It was sent to the same address, whichever course that stands
// for by now.
func same(found *v1alpha1.LearnerMessage, sent *v1alpha1.LearnerMessageSpec, err error) (*v1alpha1.LearnerMessage, error) {
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read a message: %w", err)
	case found.Spec.Recipient != sent.Recipient, found.Spec.Subject != sent.Subject, found.Spec.Text != sent.Text:
		return nil, problem.BadRequest(problem.Error{Header: idempotencyHeader, Reason: problem.ReasonDuplicate,
			Detail: "Another message was sent with this key."})
	default:
		return found, nil
	}
}

// find gives a message, or nil.
func find(ctx context.Context, reader client.Reader, g *guest, name string) (*v1alpha1.LearnerMessage, error) {
	found := &v1alpha1.LearnerMessage{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: g.contact.Namespace, Name: name}, found)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read a message: %w", err)
	default:
		return found, nil
	}
}

func answerOf(stored *v1alpha1.LearnerMessage) message {
	answer := message{MessageID: stored.Name, To: "support", CourseCode: stored.Spec.CourseCode, State: "accepted",
		AcceptedTime: stored.CreationTimestamp}
	if stored.Spec.Recipient == v1alpha1.RecipientMentor {
		answer.To = "mentor"
	}
	switch {
	case stored.Status.DeliveredTime != nil:
		answer.State = "delivered"
	case meta.IsStatusConditionTrue(stored.Status.Conditions, v1alpha1.ConditionStalled):
		answer.State = "failed"
	}
	return answer
}
