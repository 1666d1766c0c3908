package controllers

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/lms"
)

const accountKnown = "The learner's account is known."

// settleAccount finds the learner's account by e-mail address, or makes one, sees to its name and address, and writes it
// into the status. A known account costs no call, unless it waits for activation, the document has another name or address,
// the LMS lost it, or somebody asked for a check.
func (r *contactReconciler) settleAccount(ctx context.Context, contact *v1alpha1.Contact, enrollments []v1alpha1.Enrollment) (outcome, error) {
	if rival, err := r.findRival(ctx, contact); rival != nil || err != nil {
		contact.Status.Attempts = nil
		return ptr.Deref(rival, outcome{}), err
	}
	learner := &contact.Status.Learner
	lost := accountLost(contact, enrollments)
	asDocument, err := r.isCompared(ctx, contact)
	if err != nil {
		return outcome{}, err
	}
	// What the policy Report leaves stays told until a sweep or somebody's request looks again.
	told := contact.Status.Attempts != nil && contact.Status.Attempts.LastError.Reason == v1alpha1.ReasonDrifted
	settled := learner.Username != "" && ptr.Deref(learner.Active, true) && asDocument && !told
	if settled && !lost && !accountCheckRequested(contact, enrollments) && !r.drift.suspects(contact) {
		contact.Status.Attempts = nil
		return inStep(accountKnown, 0), nil
	}

	platform, connection, waiting, err := r.platforms.ready(ctx, contact.Namespace, contact.Spec.PlatformRef.Name)
	if err != nil {
		return outcome{}, err
	}
	if waiting != nil {
		return *waiting, nil
	}
	basis := basisOf(contact.Generation, requestOf(contact), platform.UID, platform.Generation, lost)
	_, released := r.released.LoadAndDelete(contact.UID)
	if left, due := waitFor(contact.Status.Attempts, basis, r.clock.Now()); !due && !released && !r.drift.due(contact, contact.Status.Attempts) {
		return standing(contact.Status.Attempts, left), nil
	}
	ctx = inLaneOf(r.drift.lane(ctx, contact), contact.Status.Attempts, basis)
	account, err := r.findOrCreate(ctx, connection, platform, contact, basis, lost)
	if err == nil {
		err = r.checkUnclaimed(ctx, contact, account.Username)
	}
	if err == nil {
		r.recheckIfRemade(ctx, learner, &account.Learner, enrollments)
		account.record(learner)
		err = r.settleProfile(ctx, connection, platform, contact, account.Learner)
	}
	if err == nil {
		err = checkActive(learner)
	}
	if err != nil {
		return r.failed(contact, platform, &contact.Status.Attempts, basis, err), ctx.Err()
	}
	r.platforms.exonerate(contact)
	r.drift.settled(contact)
	r.platforms.noteRefusals(platform) // An account that was made ends that of new ones.
	contact.Status.Attempts = nil
	return inStep(accountKnown, 0), nil
}

// findRival looks in the cache for another contact that holds the e-mail address or the account, and gives the outcome
// of the contact that has to stand back.
func (r *contactReconciler) findRival(ctx context.Context, contact *v1alpha1.Contact) (*outcome, error) {
	namesakes, err := r.contactsWithEmail(ctx, contact.Namespace, contact.Spec.PlatformRef.Name, contact.Spec.Email)
	if err != nil {
		return nil, err
	}
	if holder := claim.EmailHolder(namesakes); holder != nil && holder.Name != contact.Name {
		return new(conflict(v1alpha1.ReasonEmailInUse, fmt.Sprintf("The Contact %s holds the e-mail address.", holder.Name), 0)), nil
	}
	if contact.Status.Learner.Username == "" {
		for i := range namesakes {
			// It may still be withdrawn from the courses of the account that is about to be this contact's.
			if other := &namesakes[i]; !other.DeletionTimestamp.IsZero() && other.Status.Learner.Username != "" {
				return new(working(v1alpha1.ReasonQueued, fmt.Sprintf("Waits until the Contact %s, whose account it was, is deleted.", other.Name), 0)), nil
			}
		}
		return nil, nil
	}
	// Two contacts that found one account at the same moment see each other here, before anything is built on it.
	sharers, err := r.contactsWithAccount(ctx, contact.Namespace, contact.Spec.PlatformRef.Name, contact.Status.Learner.Username)
	if err != nil {
		return nil, err
	}
	if holder := claim.Oldest(sharers); holder != nil && holder.Name != contact.Name {
		forgetAccount(contact)
		return new(conflict(v1alpha1.ReasonEmailInUse, accountClaimed(holder), firstRetry)), nil
	}
	return nil, nil
}

func accountClaimed(holder *v1alpha1.Contact) string {
	return fmt.Sprintf("The LMS account with this e-mail address belongs to the Contact %s.", holder.Name)
}

// checkActive fails while the account waits for its activation.
func checkActive(learner *v1alpha1.LearnerStatus) error {
	if ptr.Deref(learner.Active, true) {
		return nil
	}
	return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonAwaitingActivation,
		Message: "The account waits for its activation; until then single sign-on cannot link it."}
}

// forgetAccount clears what was known of an account that is not the contact's.
func forgetAccount(contact *v1alpha1.Contact) {
	contact.Status.Learner = v1alpha1.LearnerStatus{}
	meta.RemoveStatusCondition(&contact.Status.Conditions, v1alpha1.ConditionProfileInSync)
}

// foundAccount is an account and how the learner came to it.
type foundAccount struct {
	lms.Learner
	provisionedBy v1alpha1.ProvisionedBy
}

func (a foundAccount) record(status *v1alpha1.LearnerStatus) {
	if !isSameAccount(status, &a.Learner) {
		status.ProvisionedBy = a.provisionedBy
	}
	status.Username, status.ID, status.Active = a.Username, a.ID, new(a.Active)
}

// isSameAccount goes by the number, which outlives a change of the username.
func isSameAccount(known *v1alpha1.LearnerStatus, account *lms.Learner) bool {
	if known.ID == 0 || account.ID == 0 {
		return known.Username == account.Username
	}
	return known.ID == account.ID
}

// findOrCreate gives the account that is known, found by e-mail address, or made. It looks before it makes one, so that one
// made by a call whose answer was lost is found again.
func (r *contactReconciler) findOrCreate(ctx context.Context, connection lms.Platform, platform *v1alpha1.LearningPlatform, contact *v1alpha1.Contact, basis string, lost bool) (foundAccount, error) {
	spec, known := &contact.Spec, &contact.Status.Learner
	if known.Username != "" && !lost {
		// Whatever its e-mail address is by now.
		account, err := connection.LookUpLearner(ctx, known.Username)
		if err != nil {
			return foundAccount{}, err
		}
		if account != nil && isSameAccount(known, account) {
			return foundAccount{*account, known.ProvisionedBy}, nil
		}
	}
	if !r.isKnownAbsent(contact, basis) {
		found, err := connection.FindLearner(ctx, spec.Email)
		if err != nil {
			return foundAccount{}, err
		}
		if found != nil {
			return foundAccount{*found, foundBy(contact)}, nil
		}
	}
	if known.ID != 0 {
		// It may have another username and another e-mail address by now.
		found, err := connection.LookUpLearnerByID(ctx, known.ID)
		if err != nil {
			return foundAccount{}, err
		}
		if found != nil {
			return foundAccount{*found, known.ProvisionedBy}, nil
		}
	}
	if known.Username != "" && platform.Spec.DriftPolicy == v1alpha1.DriftPolicyReport {
		return foundAccount{}, driftError("The LMS does not have the learner's account any more.")
	}
	made, err := connection.CreateLearner(ctx, lms.NewLearner{ContactID: spec.ContactID, FirstName: spec.FirstName, LastName: spec.LastName, Email: spec.Email})
	r.noteAbsence(contact, basis, err)
	switch {
	case err == nil:
		return foundAccount{made, v1alpha1.ProvisionedByCreation}, nil
	case lms.AsError(err).Reason == v1alpha1.ReasonAwaitingFirstLogin:
		forgetAccount(contact)
		return foundAccount{}, err
	case lms.AsError(err).Reason != v1alpha1.ReasonEmailInUse:
		return foundAccount{}, err
	}
	found, err := connection.FindLearner(ctx, spec.Email)
	if err != nil {
		return foundAccount{}, err
	}
	if found == nil {
		return foundAccount{}, emailUnavailable()
	}
	return foundAccount{*found, v1alpha1.ProvisionedByAdoption}, nil
}

func emailUnavailable() error {
	return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonEmailUnavailable,
		Message: "The LMS refuses the e-mail address, but shows no account with it: it may be somebody's recovery address. An administrator of the LMS has to decide."}
}

// checkUnclaimed fails when another contact has the account.
func (r *contactReconciler) checkUnclaimed(ctx context.Context, contact *v1alpha1.Contact, username string) error {
	sharers, err := r.contactsWithAccount(ctx, contact.Namespace, contact.Spec.PlatformRef.Name, username)
	if err != nil {
		return err
	}
	for i := range sharers {
		if other := &sharers[i]; other.Name != contact.Name {
			return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonEmailInUse, Message: accountClaimed(other)}
		}
	}
	return nil
}

// accountLost says whether an enrollment found that the LMS does not know the account any more.
func accountLost(contact *v1alpha1.Contact, enrollments []v1alpha1.Enrollment) bool {
	username := contact.Status.Learner.Username
	return username != "" && slices.ContainsFunc(enrollments, func(enrollment v1alpha1.Enrollment) bool {
		ready := meta.FindStatusCondition(enrollment.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == v1alpha1.ReasonLearnerNotFound && enrollment.Status.Username == username
	})
}

// accountCheckRequested says whether somebody asked for a check whose part of the account is still to be done; it is
// done when the request was passed on to the enrollments.
func accountCheckRequested(contact *v1alpha1.Contact, enrollments []v1alpha1.Enrollment) bool {
	return checkRequested(contact) && !slices.ContainsFunc(enrollments, func(enrollment v1alpha1.Enrollment) bool {
		return metav1.IsControlledBy(&enrollment, contact) && requestOf(&enrollment) == requestOf(contact)
	})
}

// onChangedRival wakes the contacts that share the e-mail address that a contact had or has now.
func (r *contactReconciler) onChangedRival(ctx context.Context, e event.UpdateEvent, queue requestQueue) {
	r.wakeRivals(ctx, e.ObjectOld.(*v1alpha1.Contact), queue)
	r.wakeRivals(ctx, e.ObjectNew.(*v1alpha1.Contact), queue)
}

// onDeletedRival wakes the contacts that share the e-mail address of one that is gone, and those that may wait for its
// account, which can have another address on the LMS.
func (r *contactReconciler) onDeletedRival(ctx context.Context, e event.DeleteEvent, queue requestQueue) {
	gone := e.Object.(*v1alpha1.Contact)
	r.wakeRivals(ctx, gone, queue)
	var list v1alpha1.ContactList
	if err := r.List(ctx, &list, client.InNamespace(gone.Namespace),
		client.MatchingFields{index.ContactByConflict: index.Key(gone.Spec.PlatformRef.Name, v1alpha1.ReasonEmailInUse)}); err != nil {
		return
	}
	for i := range list.Items {
		r.released.Store(list.Items[i].UID, nil)
		queue.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
}

func (r *contactReconciler) wakeRivals(ctx context.Context, contact *v1alpha1.Contact, queue requestQueue) {
	contacts, err := r.contactsWithEmail(ctx, contact.Namespace, contact.Spec.PlatformRef.Name, contact.Spec.Email)
	if err != nil {
		return
	}
	for _, request := range requestsFor(contacts, func(other *v1alpha1.Contact) bool { return other.Name != contact.Name }) {
		queue.Add(request)
	}
}

func (r *contactReconciler) contactsOn(ctx context.Context, platform client.Object, all bool) []reconcile.Request {
	options := []client.ListOption{client.InNamespace(platform.GetNamespace()), uncopied}
	if !all {
		options = append(options, client.MatchingFields{index.ContactInWork: platform.GetName()})
	}
	var list v1alpha1.ContactList
	if err := r.List(ctx, &list, options...); err != nil {
		return nil
	}
	return requestsFor(list.Items, func(contact *v1alpha1.Contact) bool { return contact.Spec.PlatformRef.Name == platform.GetName() })
}
