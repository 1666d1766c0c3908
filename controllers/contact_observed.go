package controllers

import (
	"rollcall.dev/rollcall/api/v1alpha1"
)

// wouldCreate says whether the learner was last found to have no account, on a platform that is only observed. The courses
// are looked at all the same.
func wouldCreate(contact *v1alpha1.Contact) bool {
	attempts := contact.Status.Attempts
	return contact.Status.Learner.Username == "" && attempts != nil && attempts.LastError.Reason == v1alpha1.ReasonWouldCreate
}
