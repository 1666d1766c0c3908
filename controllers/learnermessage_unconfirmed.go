package controllers

import "rollcall.dev/rollcall/api/v1alpha1"

// unconfirmedHandOver is what is known of a message that a mail server was handed, and may have.
type unconfirmedHandOver struct {
	// server is the version of the mail server, and count how often it did not confirm the message.
	server string
	count  int
	// attempt is the last such one. The status says it too, if it could be written.
	attempt *v1alpha1.Attempts
}

// unconfirmedOf gives what is known of the message; the zero value if it was always answered.
func (r *learnerMessageReconciler) unconfirmedOf(message *v1alpha1.LearnerMessage) unconfirmedHandOver {
	known, _ := r.unconfirmed.Get(message.UID)
	last, _ := known.(unconfirmedHandOver)
	return last
}

// countUnconfirmed counts an attempt of which nobody knows whether the mail server has the message. Other settings count anew.
func (r *learnerMessageReconciler) countUnconfirmed(message *v1alpha1.LearnerMessage, server string, attempt *v1alpha1.Attempts) int {
	count := 1
	if last := r.unconfirmedOf(message); last.server == server {
		count += last.count
	}
	r.unconfirmed.Add(message.UID, unconfirmedHandOver{server: server, count: count, attempt: attempt})
	return count
}
