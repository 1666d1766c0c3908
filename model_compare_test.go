package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// compare gives the first difference between what is and what the reference says; nil when there is none.
func (r *modelRun) compare() error {
	objects, err := r.allObjects()
	if err != nil {
		return err
	}
	contacts := map[string]*v1alpha1.Contact{}
	var enrollments []*v1alpha1.Enrollment
	for _, o := range objects {
		if err := unsettled(o); err != nil {
			return fmt.Errorf("%T %s: %w", o, o.GetName(), err)
		}
		switch o := o.(type) {
		case *v1alpha1.Contact:
			contacts[o.Spec.ContactID] = o
		case *v1alpha1.Enrollment:
			enrollments = append(enrollments, o)
		case *v1alpha1.LearningPlatform:
			if throttled := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionThrottled); throttled != nil {
				return fmt.Errorf("the platform is throttled: %s", throttled.Message)
			}
			if !isReady(o) {
				return fmt.Errorf("the platform is %s", readyOf(o).Reason)
			}
		}
	}
	if err := r.compareDocuments(contacts, enrollments); err != nil {
		return err
	}
	accounts := r.lms.Accounts()
	holders := map[string]*v1alpha1.Contact{} // of accounts, by username
	for _, contact := range contacts {
		username := strings.ToLower(contact.Status.Learner.Username)
		if other := holders[username]; username != "" && other != nil {
			return fmt.Errorf("the contacts %s and %s have one account", contact.Spec.ContactID, other.Spec.ContactID)
		}
		holders[username] = contact
	}
	for _, account := range accounts {
		if !isRetired(account) {
			add(r.model.known, account.ID, strings.ToLower(account.Email))
		}
		holder := holders[strings.ToLower(account.Username)]
		if holder != nil {
			add(r.model.learners, account.ID, holder.Spec.ContactID)
		}
		err := r.compareSeats(account, holder)
		if err == nil {
			err = r.compareActivity(account)
		}
		if err != nil {
			return fmt.Errorf("account %s (%s): %w", account.Username, account.Email, err)
		}
	}
	for id, contact := range contacts {
		if err := r.compareContact(contact, accounts, holders); err != nil {
			return fmt.Errorf("contact %s, which is %s (%s): %w", id, readyOf(contact).Reason, readyOf(contact).Message, err)
		}
	}
	if err := r.comparePreEnrollments(); err != nil {
		return err
	}
	return r.compareNewAccounts(accounts)
}

// unsettled says why an object is still being worked on.
func unsettled(o conditioned) error {
	status := o.GetObjectStatus()
	ready := readyOf(o)
	asked := o.GetAnnotations()[v1alpha1.ReconcileRequestedAtAnnotation]
	switch {
	case !o.GetDeletionTimestamp().IsZero():
		return errors.New("it is still there")
	case status.ObservedGeneration != o.GetGeneration():
		return errors.New("its spec was not looked at")
	case meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReconciling) && ready.Reason != v1alpha1.ReasonAwaitingFirstLogin:
		return fmt.Errorf("it is %s: %s", ready.Reason, ready.Message)
	case asked != "" && status.LastHandledReconcileAt != asked:
		return fmt.Errorf("it was not checked as asked; it is %s: %s", ready.Reason, ready.Message)
	}
	return nil
}

// compareDocuments compares the objects with the documents.
func (r *modelRun) compareDocuments(contacts map[string]*v1alpha1.Contact, enrollments []*v1alpha1.Enrollment) error {
	for id := range r.model.documents {
		if contacts[id] == nil {
			return fmt.Errorf("the contact %s is not there", id)
		}
	}
	for id := range contacts {
		if r.model.documents[id] == nil {
			return fmt.Errorf("the contact %s is still there", id)
		}
	}
	listed := set{}
	for id, document := range r.model.documents {
		for _, line := range document.Enrollments {
			listed[id+" "+line.CourseCode] = true
		}
	}
	for _, enrollment := range enrollments {
		if metav1.GetControllerOf(enrollment) == nil {
			continue
		}
		for id, contact := range contacts {
			if contact.Name == enrollment.Spec.ContactRef.Name && !listed[id+" "+enrollment.Spec.CourseCode] {
				return fmt.Errorf("the document of %s does not list %s, and the Enrollment is still there", id, enrollment.Spec.CourseCode)
			}
		}
	}
	return nil
}

// compareSeats compares an account's enrollments with what its holder bought, and with what people made of them.
func (r *modelRun) compareSeats(account openedxtest.Account, holder *v1alpha1.Contact) error {
	today := r.model.today(r.clock.Now())
	sold, unsure := map[string]string{}, set{}
	if holder != nil && !isRetired(account) {
		sold, _ = r.model.sold(holder.Spec.ContactID, today)
	}
	for id := range r.model.holders(account.ID) { // who had it before may wait with leaving it, too
		_, waiting := r.model.sold(id, today)
		maps.Copy(unsure, waiting)
	}
	rows := map[string]openedxtest.Enrollment{}
	for _, row := range r.lms.Enrollments(account.Username) {
		rows[row.Course] = row
	}
	for key := range r.model.offered {
		row, there := rows[key]
		left, meddled := r.model.seats[seat{account.ID, key}]
		mode, bought := sold[key]
		in, closed := r.model.closed[key]
		switch {
		case closed && row.Active && !in[account.ID] && !left.Active && !r.waitsForLogin:
			return fmt.Errorf("enrolled in %s, which is closed", key)
		case closed && bought:
		case bought && r.isOnlyReported(account.ID, row):
		case bought && !row.Active:
			return fmt.Errorf("not enrolled in %s, which was sold", key)
		case bought && mode != "" && row.Mode != mode:
			return fmt.Errorf("enrolled in %s as %s, not as %s", key, row.Mode, mode)
		case bought, unsure[key]:
		case !r.model.mayHaveTouched(account.ID, key):
			if there != meddled || row.Active != left.Active || row.Mode != left.Mode || !row.Created.Equal(left.Created) {
				return fmt.Errorf("not Rollcall's in %s, but it is %+v, and people left %+v", key, row, left)
			}
		case row.Active && !left.Active && !r.model.isOrphaned(account.ID):
			return fmt.Errorf("enrolled in %s, which is not sold", key)
		}
	}
	return nil
}

// isOnlyReported says whether people left an enrollment as it is, and the platform only reports that.
func (r *modelRun) isOnlyReported(account int, row openedxtest.Enrollment) bool {
	left, meddled := r.model.seats[seat{account, row.Course}]
	return r.drift == v1alpha1.DriftPolicyReport && meddled && row.Active == left.Active && row.Mode == left.Mode
}
