package controllers

import (
	"context"
	"fmt"

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
		if err == nil && message.IsOf(contact) {
			return contact, nil
		}
	}
	return nil, nil
}
