package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/keymutex"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=contacts,verbs=get;list;watch;create;update

const (
	// fieldOwner is the manager of the fields that documents state.
	fieldOwner = client.FieldOwner("rollcall-ingest")
	// platform is the LearningPlatform of every contact that comes through ingest.
	platform = "default"
	// maxAttempts bounds how often one document is tried while others write to the same Contact.
	maxAttempts = 5
)

// store keeps documents as Contacts: one write for a document that is new or differs, none for one that is there.
//
// The writes are Create and Update, not server-side apply. An object that was created and is then applied has two owner
// entries of one manager, so enrollments that the document dropped would survive; and the resource version that an Update
// carries keeps it from overwriting what another replica stored meanwhile.
type store struct {
	// cached reads from the informers, after they have seen this process's own writes; it writes to the API server.
	cached client.Client
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

// put makes the Contact hold the document, whose source is the caller's name, and gives the Contact.
func (s *store) put(ctx context.Context, document v1alpha1.ContactSpec, source string) (*v1alpha1.Contact, outcome, error) {
	key := client.ObjectKey{Namespace: s.namespace, Name: names.Contact(document.ContactID)}
	s.contacts.LockKey(key.Name)
	defer func() { _ = s.contacts.UnlockKey(key.Name) }()

	_, unsure := s.unsure.Load(key.Name)
	var reader client.Reader = s.cached
	for range maxAttempts {
		contact := &v1alpha1.Contact{}
		err := reader.Get(ctx, key, contact)
		var result outcome
		switch {
		case apierrors.IsNotFound(err):
			result, err = created, s.create(ctx, key, contact, document, source)
		case err != nil:
			return nil, "", fmt.Errorf("cannot read the Contact: %w", err)
		case contact.Spec.ContactID != document.ContactID:
			return nil, "", fmt.Errorf("cannot use the Contact %s: %w", key.Name, errForeign)
		case contact.Spec.PlatformRef.Name != platform:
			return nil, "", managedElsewhere(contact.Spec.PlatformRef.Name)
		case !contact.DeletionTimestamp.IsZero():
			return nil, "", problem.Unavailable("The contact is being deleted, and a document would be deleted with it. "+
				"Nothing was stored; send the document again when the contact is gone.", retryAfter)
		case !unsure && holds(&contact.Spec, &document) && !s.replicated:
			return contact, unchanged, nil
		case !unsure && holds(&contact.Spec, &document):
			latest, err := s.isLatest(ctx, contact)
			if err != nil {
				return nil, "", fmt.Errorf("cannot confirm the Contact: %w", err)
			}
			if latest {
				return contact, unchanged, nil
			}
			reader = s.live
			continue
		default:
			result, err = replaced, s.update(ctx, contact, document, source)
		}
		switch {
		case err == nil:
			s.unsure.Delete(key.Name)
			return contact, result, nil
		case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), result == replaced && apierrors.IsNotFound(err):
			reader = s.live
		case apierrors.IsInvalid(err):
			return nil, "", refused(err)
		default:
			if !isRefusal(err) {
				s.unsure.Store(key.Name, nil)
			}
			return nil, "", fmt.Errorf("cannot write the Contact: %w", err)
		}
	}
	return nil, "", fmt.Errorf("cannot write the Contact: others changed it %d times meanwhile", maxAttempts)
}

// errForeign is about an object that has the name which a contact's object would have.
var errForeign = errors.New("it belongs to another contact ID")

// isLatest is true when the API server has nothing newer of the Contact. A cache may not have seen yet what another
// replica stored, and an answer that relies on it would say that the older document is in force.
func (s *store) isLatest(ctx context.Context, contact *v1alpha1.Contact) (bool, error) {
	stored := &metav1.PartialObjectMetadata{}
	stored.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Contact"))
	err := s.live.Get(ctx, client.ObjectKeyFromObject(contact), stored)
	return err == nil && stored.ResourceVersion == contact.ResourceVersion, client.IgnoreNotFound(err)
}

func (s *store) create(ctx context.Context, key client.ObjectKey, contact *v1alpha1.Contact, document v1alpha1.ContactSpec, source string) error {
	*contact = v1alpha1.Contact{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace,
			Name:      key.Name,
			// It is needed before the first call to the LMS; written now, it costs no write.
			Finalizers: []string{v1alpha1.WithdrawalFinalizer},
		},
		Spec: v1alpha1.ContactSpec{
			ContactID:   document.ContactID,
			PlatformRef: v1alpha1.PlatformReference{Name: platform},
		},
	}
	s.fill(contact, document, source)
	return s.cached.Create(ctx, contact, fieldOwner)
}

func (s *store) update(ctx context.Context, contact *v1alpha1.Contact, document v1alpha1.ContactSpec, source string) error {
	s.fill(contact, document, source)
	return s.cached.Update(ctx, contact, fieldOwner)
}

// fill puts the document into the Contact, and leaves what people put there.
func (s *store) fill(contact *v1alpha1.Contact, document v1alpha1.ContactSpec, source string) {
	contact.Spec.FirstName = document.FirstName
	contact.Spec.LastName = document.LastName
	contact.Spec.Email = document.Email
	contact.Spec.Enrollments = document.Enrollments
	metav1.SetMetaDataAnnotation(&contact.ObjectMeta, v1alpha1.DocumentReceivedAnnotation,
		s.clock.Now().UTC().Format(time.RFC3339Nano))
	metav1.SetMetaDataAnnotation(&contact.ObjectMeta, v1alpha1.DocumentSourceAnnotation, source)
}

// holds is true when a Contact states just what the document states.
func holds(spec, document *v1alpha1.ContactSpec) bool {
	return spec.FirstName == document.FirstName &&
		spec.LastName == document.LastName &&
		spec.Email == document.Email &&
		slices.Equal(spec.Enrollments, document.Enrollments)
}
