package index

import (
	"rollcall.dev/rollcall/api/v1alpha1"
)

// WithoutText makes a LearnerMessage as small as it can be in a cache. Its text is read from the API server when it is sent, and
// need not be in the memory of every replica for as long as the message is kept.
func WithoutText(cached any) (any, error) {
	if message, ok := cached.(*v1alpha1.LearnerMessage); ok {
		message.ManagedFields = nil
		message.Spec.Subject, message.Spec.Text = "", ""
	}
	return cached, nil
}
