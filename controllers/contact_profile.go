package controllers

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// profileDigest tells whether name and e-mail address are those that the account was last compared with.
func profileDigest(spec *v1alpha1.ContactSpec) string {
	return basisOf(lms.FullName(spec.FirstName, spec.LastName), "\n", strings.ToLower(spec.Email))
}

// heldBackDigest is the digest of what was compared and not carried over, as the platform was only observed.
func heldBackDigest(spec *v1alpha1.ContactSpec) string {
	return basisOf(profileDigest(spec), "held back")
}

// isCompared says whether the account was compared with the name and address of the document, and nothing is left to do.
func (r *contactReconciler) isCompared(ctx context.Context, contact *v1alpha1.Contact) (bool, error) {
	if contact.Status.Learner.ProfileDigest != heldBackDigest(&contact.Spec) {
		return contact.Status.Learner.ProfileDigest == profileDigest(&contact.Spec), nil
	}
	platform, _, err := r.platforms.find(ctx, contact.Namespace, contact.Spec.PlatformRef.Name)
	return isObserved(platform), err
}

// settleProfile carries a name and an e-mail address that differ over to the account. What the LMS does not let Rollcall
// change is shown in the condition ProfileInSync, and holds nothing up.
func (r *contactReconciler) settleProfile(ctx context.Context, connection lms.Platform, platform *v1alpha1.LearningPlatform, contact *v1alpha1.Contact, account lms.Learner) error {
	spec := &contact.Spec
	name := lms.FullName(spec.FirstName, spec.LastName)
	var differing []string
	digest := profileDigest(spec)
	reason, why := v1alpha1.ReasonAccountReadOnly, ""
	was := ptr.Deref(meta.FindStatusCondition(contact.Status.Conditions, v1alpha1.ConditionProfileInSync), metav1.Condition{})
	wasInStep := contact.Status.Learner.ProfileDigest == digest && (was.Status == metav1.ConditionTrue || was.Reason == v1alpha1.ReasonDrifted)
	if platform.Spec.DriftPolicy == v1alpha1.DriftPolicyReport && wasInStep {
		// Somebody changed it on the LMS.
		reason, why = v1alpha1.ReasonDrifted, "Somebody changed it on the LMS, and spec.driftPolicy of the LearningPlatform is Report."
	}
	for _, attribute := range []struct {
		name      string
		differs   bool
		carryOver func() error
	}{
		{"name", strings.TrimSpace(account.Name) != name, func() error { return connection.SetName(ctx, account.Username, name) }},
		{"e-mail address", !strings.EqualFold(account.Email, spec.Email), func() error { return moveEmail(ctx, connection, spec.Email, account) }},
	} {
		if !attribute.differs {
			continue
		}
		if reason == v1alpha1.ReasonDrifted {
			differing = append(differing, attribute.name)
			continue
		}
		if err := attribute.carryOver(); err != nil {
			failure := lms.AsError(err)
			if failure.Reason != v1alpha1.ReasonAccountReadOnly {
				contact.Status.Learner.ProfileDigest = "" // The next visit compares again.
				return err
			}
			differing, why = append(differing, attribute.name), failure.Message
			if failure.Class == lms.Withheld {
				digest = heldBackDigest(spec)
			}
		}
	}
	contact.Status.Learner.ProfileDigest = digest
	r.reportProfile(contact, differing, reason, why)
	return nil
}

// moveEmail gives the account another e-mail address, if nobody else has that on the LMS.
func moveEmail(ctx context.Context, connection lms.Platform, email string, account lms.Learner) error {
	holder, err := connection.FindLearner(ctx, email)
	if err != nil {
		return err
	}
	if holder != nil {
		return &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonEmailInUse, Message: "Another account on the LMS has the new e-mail address; the learner's has an older one."}
	}
	err = connection.SetEmail(ctx, account.Username, email)
	if err != nil && lms.AsError(err).Reason == v1alpha1.ReasonEmailInUse {
		return emailUnavailable()
	}
	return err
}

func (r *contactReconciler) reportProfile(contact *v1alpha1.Contact, differing []string, reason, why string) {
	condition := metav1.Condition{
		Type:               v1alpha1.ConditionProfileInSync,
		Status:             metav1.ConditionTrue,
		Reason:             v1alpha1.ReasonSynced,
		Message:            "The account has the name and the e-mail address of the document.",
		ObservedGeneration: contact.Generation,
		LastTransitionTime: metav1.NewTime(r.clock.Now()),
	}
	if len(differing) > 0 {
		condition.Status, condition.Reason = metav1.ConditionFalse, reason
		condition.Message = "The account has another " + strings.Join(differing, " and another ") + ". " + why
	}
	meta.SetStatusCondition(&contact.Status.Conditions, condition)
}
