package controllers

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// writerOf gets the Contact that wrote the message, nil if it is gone. The cache may not have it yet, or another one still.
func (r *learnerMessageReconciler) writerOf(ctx context.Context, message *v1alpha1.LearnerMessage) (*v1alpha1.Contact, error) {
	key := client.ObjectKey{Namespace: message.Namespace, Name: message.Spec.ContactRef.Name}
	for _, reader := range []client.Reader{r.Client, r.live} {
		contact := &v1alpha1.Contact{}
		err := reader.Get(ctx, key, contact)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("cannot get the Contact: %w", err)
		}
		if err == nil && isWriter(contact, message) {
			return contact, nil
		}
	}
	return nil, nil
}

// isWriter says whether the Contact is the one that owns the message: a later one of the same name may be somebody else. A message
// that was made by hand may have no owner.
func isWriter(contact *v1alpha1.Contact, message *v1alpha1.LearnerMessage) bool {
	return !slices.ContainsFunc(message.OwnerReferences, func(owner metav1.OwnerReference) bool {
		return owner.Kind == "Contact" && owner.UID != contact.UID
	})
}
