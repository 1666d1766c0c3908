package hints

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
)

// look compares a hint with what is known, and asks for a check of what differs.
func (r *Receiver) look(ctx context.Context, told hint) error {
	if told.courseKey == "" {
		return r.lookForAccount(ctx, told)
	}
	contacts, err := r.contactsBy(ctx, told, index.ContactByUsername, index.Key(told.platform.Name, told.username))
	if err != nil {
		return err
	}
	for i := range contacts {
		var enrollments v1alpha1.EnrollmentList
		if err := r.client.List(ctx, &enrollments, client.InNamespace(told.platform.Namespace),
			client.MatchingFields{index.EnrollmentByContact: contacts[i].Name}); err != nil {
			return fmt.Errorf("cannot list the contact's enrollments: %w", err)
		}
		for k := range enrollments.Items {
			if enrollment := &enrollments.Items[k]; differs(&enrollment.Status, told) {
				if err := r.ask(ctx, enrollment, &enrollment.Status.ObjectStatus); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// differs says whether a hint tells something else about an enrollment than what was brought about. What is being worked on
// is looked at on the LMS anyway.
func differs(status *v1alpha1.EnrollmentStatus, told hint) bool {
	if status.Username != told.username || status.CourseKey != told.courseKey || status.Enrolled == nil {
		return false
	}
	return *status.Enrolled != told.active || told.active && status.Mode != told.mode
}

// lookForAccount wakes a contact that waits for the account that the LMS tells of.
func (r *Receiver) lookForAccount(ctx context.Context, told hint) error {
	contacts, err := r.contactsBy(ctx, told, index.ContactByEmail, index.EmailKey(told.platform.Name, told.email))
	if err != nil {
		return err
	}
	for i := range contacts {
		if contact := &contacts[i]; contact.Status.Learner.Username == "" && !ptr.Deref(contact.Spec.Suspend, false) {
			if err := r.ask(ctx, contact, &contact.Status.ObjectStatus); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Receiver) contactsBy(ctx context.Context, told hint, name, key string) ([]v1alpha1.Contact, error) {
	var contacts v1alpha1.ContactList
	if err := r.client.List(ctx, &contacts, client.InNamespace(told.platform.Namespace), client.MatchingFields{name: key}); err != nil {
		return nil, fmt.Errorf("cannot list the contacts: %w", err)
	}
	return contacts.Items, nil
}

// ask requests a check as a person would, unless one is requested already.
func (r *Receiver) ask(ctx context.Context, o client.Object, status *v1alpha1.ObjectStatus) error {
	if asked := o.GetAnnotations()[v1alpha1.ReconcileRequestedAtAnnotation]; asked != "" && asked != status.LastHandledReconcileAt {
		return nil
	}
	patch := client.MergeFrom(o.DeepCopyObject().(client.Object))
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.ReconcileRequestedAtAnnotation] = r.clock.Now().UTC().Format(time.RFC3339Nano)
	o.SetAnnotations(annotations)
	if err := r.client.Patch(ctx, o, patch, client.FieldOwner("rollcall-hints")); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cannot ask for a check: %w", err)
	}
	return nil
}
