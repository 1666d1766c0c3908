package mentoring

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/email"
)

// AddressError says why nobody knows where messages to a mentor go. It does not show what stands in the ConfigMap.
type AddressError struct {
	// Reason is EmailNotFound or EmailInvalid.
	Reason string
	// Message says it in a sentence.
	Message string
}

// Error is the message, behind the reason.
func (e *AddressError) Error() string { return e.Reason + ": " + e.Message }

// Address gives the e-mail address of a person. It fails with an *AddressError when that is not there or is none in form.
// The reader should be one without a cache, which would hold all ConfigMaps.
func Address(ctx context.Context, live client.Reader, namespace string, profile *v1alpha1.MentorProfile) (string, error) {
	if profile.Email != "" {
		return profile.Email, nil
	}
	from := profile.EmailFrom.ConfigMapKeyRef
	addresses := &corev1.ConfigMap{}
	err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: from.Name}, addresses)
	if apierrors.IsNotFound(err) {
		return "", &AddressError{v1alpha1.ReasonEmailNotFound, fmt.Sprintf("There is no ConfigMap %s, which would hold the e-mail address.", from.Name)}
	}
	if err != nil {
		return "", fmt.Errorf("cannot get the ConfigMap with the e-mail address: %w", err)
	}
	entry, ok := addresses.Data[from.Key]
	address := strings.TrimSpace(entry) // An entry that was made from a file ends with its last line.
	switch {
	case !ok:
		return "", &AddressError{v1alpha1.ReasonEmailNotFound, fmt.Sprintf("The ConfigMap %s has no key %s, which would hold the e-mail address.", from.Name, from.Key)}
	case !email.IsAddress(address):
		return "", &AddressError{v1alpha1.ReasonEmailInvalid, fmt.Sprintf("What the key %s of the ConfigMap %s holds is no e-mail address.", from.Key, from.Name)}
	}
	return address, nil
}
