// Package claim decides which of several objects holds what only one can have. Ingest and the controllers ask it, so
// that an answer to the back office and a condition never disagree.
package claim

import (
	"cmp"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// Oldest gives the object that was made first and is not being deleted, or nil. Names decide between equals.
func Oldest[T any, P interface {
	*T
	client.Object
}](claimants []T) P {
	return first(claimants, compareAge[P])
}

// EmailHolder gives the contact that holds an e-mail address among those that claim it: the one whose account is on
// the platform already, else the oldest. It is nil when there is none.
func EmailHolder(claimants []v1alpha1.Contact) *v1alpha1.Contact {
	return first(claimants, func(a, b *v1alpha1.Contact) int {
		return cmp.Or(
			-compareBool(a.Status.Learner.Username != "", b.Status.Learner.Username != ""),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			// Creation is known to the second, in which a back office sends many documents.
			received(a).Compare(received(b)),
			cmp.Compare(a.Name, b.Name),
		)
	})
}

func received(contact *v1alpha1.Contact) time.Time {
	at, err := time.Parse(time.RFC3339, contact.Annotations[v1alpha1.DocumentReceivedAnnotation])
	if err != nil {
		return time.Time{} // It did not come through ingest.
	}
	return at
}

func first[T any, P interface {
	*T
	client.Object
}](claimants []T, compare func(a, b P) int) P {
	var alive []P
	for i := range claimants {
		if claimant := P(&claimants[i]); claimant.GetDeletionTimestamp().IsZero() {
			alive = append(alive, claimant)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	return slices.MinFunc(alive, compare)
}

func compareAge[P client.Object](a, b P) int {
	created, createdB := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	return cmp.Or(created.Compare(createdB.Time), cmp.Compare(a.GetName(), b.GetName()))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
