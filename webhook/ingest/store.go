package ingest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/keymutex"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/trail"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts,verbs=get;list;watch;create;update

const (
	// fieldOwner is the manager of the fields that documents state.
	fieldOwner = client.FieldOwner("rollcall-ingest")
	// platform is the LearningPlatform of every contact that comes through ingest.
	platform = "default"
)

// store keeps documents as Contacts: one write for a document that is new or differs, none for one that is there.
//
// The writes are Create and Update, not server-side apply. An object that was created and is then applied has two owner
// entries of one manager, so enrollments that the document dropped would survive; and the resource version that an Update
// carries keeps it from overwriting what another replica stored meanwhile.
type store struct {
	// cached reads from the informers, after they have seen this process's own writes; it writes to the API server.
	cached client.Client
	// rehearsal has the API server go through writes without storing.
	rehearsal client.Client
	// live reads from the API server.
	live      client.Reader
	namespace string
	clock     clock.PassiveClock
	// replicated is true where other replicas store documents too.
	replicated bool

	// contacts lets one document of a contact in at a time.
	contacts keymutex.KeyMutex
	// unsure holds the names of Contacts with a write of this process whose outcome is not known. It may take place after
	// any read, so an equal document is no proof; another write is, as the resource version lets just one of them succeed.
	unsure sync.Map
}

// outcome is what became of a document. It is answered as it stands here.
type outcome string

const (
	created   outcome = "Created"
	replaced  outcome = "Replaced"
	unchanged outcome = "Unchanged"
)

// stored is what a submission has come to.
type stored struct {
	// contact holds the document; before is what it held until then, nil if there was none.
	contact *v1alpha1.Contact
	before  *v1alpha1.ContactSpec
	result  outcome
}

// put makes the Contact hold a document, unless what the caller wishes forbids it. In a dry run the API server goes through
// the write without storing.
func (s *store) put(ctx context.Context, sub submission) (stored, error) {
	key := client.ObjectKey{Namespace: s.namespace, Name: names.Contact(sub.document.ContactID)}
	s.contacts.LockKey(key.Name)
	defer func() { _ = s.contacts.UnlockKey(key.Name) }()

	_, unsure := s.unsure.Load(key.Name)
	writer := s.cached
	if sub.dryRun {
		writer = s.rehearsal
	}
	var reader client.Reader = s.cached
	// Who loses against another writer tries again until the request's deadline: each time somebody's document is stored.
	for ctx.Err() == nil {
		contact := &v1alpha1.Contact{}
		err := reader.Get(ctx, key, contact)
		present := err == nil
		if client.IgnoreNotFound(err) != nil {
			return stored{}, fmt.Errorf("cannot read the Contact: %w", err)
		}
		if refusal := s.refusal(contact, present, &sub); refusal != nil {
			if reader != s.live { // a cache that is behind must refuse nobody
				reader = s.live
				continue
			}
			return stored{}, refusal
		}

		var done stored
		switch {
		case !present:
			done = stored{contact: contact, result: created}
			err = s.create(ctx, writer, key, contact, sub)
		case !holds(&contact.Spec, &sub.document):
			done = stored{contact: contact, before: contact.Spec.DeepCopy(), result: replaced}
			err = s.update(ctx, writer, contact, sub)
		case unsure, sub.renumbers(contact):
			done = stored{contact: contact, before: &contact.Spec, result: unchanged}
			err = s.update(ctx, writer, contact, sub)
		case s.replicated && reader != s.live:
			latest, err := s.isLatest(ctx, contact)
			if err != nil {
				return stored{}, fmt.Errorf("cannot confirm the Contact: %w", err)
			}
			if !latest {
				reader = s.live
				continue
			}
			return stored{contact: contact, before: &contact.Spec, result: unchanged}, nil
		default:
			return stored{contact: contact, before: &contact.Spec, result: unchanged}, nil
		}
		switch {
		case err == nil:
			if !sub.dryRun {
				s.unsure.Delete(key.Name)
			}
			return done, nil
		case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), present && apierrors.IsNotFound(err):
			reader = s.live
		case apierrors.IsInvalid(err):
			return stored{}, refused(err)
		default:
			if !doors.IsRefusal(err) && !sub.dryRun {
				s.unsure.Store(key.Name, nil)
			}
			return stored{}, fmt.Errorf("cannot write the Contact: %w", err)
		}
	}
	return stored{}, fmt.Errorf("cannot write the Contact, which others keep changing: %w", ctx.Err())
}

// refusal gives the reason why a document must not be stored in a Contact, or made one if none is present; nil is none.
func (s *store) refusal(contact *v1alpha1.Contact, present bool, sub *submission) error {
	switch {
	case !present:
	case contact.Spec.ContactID != sub.document.ContactID:
		return fmt.Errorf("cannot use the Contact %s: %w", contact.Name, errForeign)
	case contact.Spec.PlatformRef.Name != platform:
		return managedElsewhere(contact.Spec.PlatformRef.Name)
	case !contact.DeletionTimestamp.IsZero():
		return problem.Unavailable("The contact is being deleted, and a document would be deleted with it. "+
			"Nothing was stored; send the document again when the contact is gone.", doors.RetryAfter)
	}
	if unmet := sub.allows(contact, present, &sub.document); unmet != nil {
		return unmet
	}
	return nil
}

// errForeign is about an object that has the name which a contact's object would have.
const errForeign = doors.Lasting("it belongs to another contact ID")

// isLatest is true when the API server has nothing newer of the Contact. A cache may not have seen yet what another
// replica stored, and an answer that relies on it would say that the older document is in force.
func (s *store) isLatest(ctx context.Context, contact *v1alpha1.Contact) (bool, error) {
	stored := &metav1.PartialObjectMetadata{}
	stored.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Contact"))
	err := s.live.Get(ctx, client.ObjectKeyFromObject(contact), stored)
	return err == nil && stored.ResourceVersion == contact.ResourceVersion, client.IgnoreNotFound(err)
}

func (s *store) create(ctx context.Context, writer client.Client, key client.ObjectKey, contact *v1alpha1.Contact, sub submission) error {
	*contact = v1alpha1.Contact{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace,
			Name:      key.Name,
			// It is needed before the first call to the LMS; written now, it costs no write.
			Finalizers: []string{v1alpha1.WithdrawalFinalizer},
		},
		Spec: v1alpha1.ContactSpec{
			ContactID:   sub.document.ContactID,
			PlatformRef: v1alpha1.PlatformReference{Name: platform},
		},
	}
	s.fill(ctx, contact, sub)
	return writer.Create(ctx, contact, fieldOwner)
}

func (s *store) update(ctx context.Context, writer client.Client, contact *v1alpha1.Contact, sub submission) error {
	s.fill(ctx, contact, sub)
	return writer.Update(ctx, contact, fieldOwner)
}

// fill puts the document into the Contact, and leaves what people put there.
func (s *store) fill(ctx context.Context, contact *v1alpha1.Contact, sub submission) {
	contact.Spec.FirstName = sub.document.FirstName
	contact.Spec.LastName = sub.document.LastName
	contact.Spec.Email = sub.document.Email
	contact.Spec.Enrollments = sub.document.Enrollments
	annotate := func(annotation, value string) { metav1.SetMetaDataAnnotation(&contact.ObjectMeta, annotation, value) }
	annotate(v1alpha1.DocumentReceivedAnnotation, s.clock.Now().UTC().Format(time.RFC3339Nano))
	annotate(v1alpha1.DocumentSourceAnnotation, sub.caller)
	annotate(v1alpha1.DocumentRequestIDAnnotation, trail.RequestID(ctx))
	annotate(v1alpha1.DocumentTraceparentAnnotation, trail.Traceparent(ctx))
	if sub.revision != nil {
		annotate(v1alpha1.DocumentRevisionAnnotation, strconv.FormatInt(*sub.revision, 10))
	}
}

// holds is true when a Contact states just what the document states.
func holds(spec, document *v1alpha1.ContactSpec) bool {
	return spec.FirstName == document.FirstName &&
		spec.LastName == document.LastName &&
		spec.Email == document.Email &&
		slices.Equal(spec.Enrollments, document.Enrollments)
}
