package controllers

import (
	"rollcall.dev/rollcall/api/v1alpha1"
)

// awaitsFirstLogin says whether the learner was last found to have no account, on a platform where only the first login
// makes it. Between two looks for it the courses are waiting there.
func awaitsFirstLogin(contact *v1alpha1.Contact) bool {
	attempts := contact.Status.Attempts
	return contact.Status.Learner.Username == "" && attempts != nil && attempts.LastError.Reason == v1alpha1.ReasonAwaitingFirstLogin
}

// foundBy says how the learner came to an account that is found: who was waited for has logged in.
func foundBy(contact *v1alpha1.Contact) v1alpha1.ProvisionedBy {
	if awaitsFirstLogin(contact) {
		return v1alpha1.ProvisionedByFirstLogin
	}
	return v1alpha1.ProvisionedByAdoption
}
