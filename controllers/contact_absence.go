package controllers

import (
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// absence is that the LMS had no account with a Contact's e-mail address.
type absence struct {
	// basis is that of the attempt that found it out.
	basis string
	since time.Time
}

// isKnownAbsent says whether the learner was looked for already and has only waited for a turn since. Making an account is
// safe all the same, as the LMS refuses a second one with the address.
func (r *contactReconciler) isKnownAbsent(contact *v1alpha1.Contact, basis string) bool {
	known, remembered := r.absences.Get(contact.UID)
	return remembered && known.(absence).basis == basis && r.clock.Since(known.(absence).since) < lastRecheck
}

// noteAbsence remembers, after an account was to be made, whether there is none for sure: only a call that was not let go
// leaves that so.
func (r *contactReconciler) noteAbsence(contact *v1alpha1.Contact, basis string, err error) {
	switch {
	case err == nil || lms.AsError(err).Class != lms.Throttled:
		r.absences.Remove(contact.UID)
	case !r.isKnownAbsent(contact, basis):
		r.absences.Add(contact.UID, absence{basis: basis, since: r.clock.Now()})
	}
}
