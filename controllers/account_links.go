package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// linkReading is the look who is linked to single sign-on that is under way, as the second part of a sweep of accounts.
type linkReading struct {
	// left are the names of the contacts that are still to be looked at.
	left []string
	// failures are the pages that could not be read for a fault of the LMS, one after the other.
	failures int
}

// linksToRead begins with all contacts on the platform that have an account, or say whether theirs is linked.
func (r *accountSweeper) linksToRead(ctx context.Context, platform *v1alpha1.LearningPlatform) (*linkReading, error) {
	var contacts v1alpha1.ContactList
	if err := r.List(ctx, &contacts, client.InNamespace(platform.Namespace), uncopied); err != nil {
		return nil, fmt.Errorf("cannot list the contacts: %w", err)
	}
	reading := &linkReading{}
	for i := range contacts.Items {
		contact := &contacts.Items[i]
		says := meta.FindStatusCondition(contact.Status.Conditions, v1alpha1.ConditionSSOLinked) != nil
		hasAccount := contact.Status.Learner.Username != "" && platform.Spec.Learners.SSOProviderID != ""
		if contact.Spec.PlatformRef.Name == platform.Name && contact.DeletionTimestamp.IsZero() && (says || hasAccount) {
			reading.left = append(reading.left, contact.Name)
		}
	}
	return reading, nil
}

// readLinks looks at the next page of contacts, and writes down what is new. Nothing hangs on links: what goes wrong with them
// is left to the next sweep, and shown on the platform where a person has to act.
func (r *accountSweeper) readLinks(ctx context.Context, platform *v1alpha1.LearningPlatform, connection lms.Platform, reading *linkReading) (time.Duration, error) {
	page := reading.left[:min(len(reading.left), lms.MaxLinkPage)]
	contacts, err := r.contactsNamed(ctx, platform.Namespace, page)
	if err != nil {
		return 0, err
	}
	conditions, err := linksOf(ctx, platform, connection, contacts)
	if err != nil {
		return r.linksFailed(ctx, platform, reading, lms.AsError(err))
	}
	for i, contact := range contacts {
		if err := r.writeLink(ctx, contact, conditions[i]); err != nil {
			return 0, err
		}
	}
	if err := r.showLinksUnknown(ctx, platform, nil); err != nil {
		return 0, err
	}
	if reading.failures, reading.left = 0, reading.left[len(page):]; len(reading.left) > 0 {
		return time.Millisecond, nil
	}
	r.sweeps.Delete(client.ObjectKeyFromObject(platform))
	return driftInterval(platform) / 2, nil // The next sweep is no sooner.
}

// linksFailed says when to come back after a page that could not be read, or gives the reading up.
func (r *accountSweeper) linksFailed(ctx context.Context, platform *v1alpha1.LearningPlatform, reading *linkReading, failure *lms.Error) (time.Duration, error) {
	after, goesOn := r.heldUp(platform, failure, &reading.failures)
	if goesOn {
		return after, ctx.Err()
	}
	logf.FromContext(ctx).Info("Links to single sign-on cannot be read", "reason", failure.Reason, "message", failure.Message)
	r.sweeps.Delete(client.ObjectKeyFromObject(platform))
	if failure.Class == lms.Transient {
		return after, ctx.Err()
	}
	return after, r.showLinksUnknown(ctx, platform, failure)
}

// contactsNamed gives those of the contacts that are still there, as they lie in the cache.
func (r *reconciler) contactsNamed(ctx context.Context, namespace string, contactNames []string) ([]*v1alpha1.Contact, error) {
	var contacts []*v1alpha1.Contact
	for _, name := range contactNames {
		contact := &v1alpha1.Contact{}
		err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, contact, uncopied)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot get a contact: %w", err)
		}
		contacts = append(contacts, contact)
	}
	return contacts, nil
}

// linksOf gives for each of the contacts the condition that says whether its account is linked; nil where there is no account,
// or the platform names no provider.
func linksOf(ctx context.Context, platform *v1alpha1.LearningPlatform, connection lms.Platform, contacts []*v1alpha1.Contact) ([]*metav1.Condition, error) {
	conditions := make([]*metav1.Condition, len(contacts))
	provider := platform.Spec.Learners.SSOProviderID
	if provider == "" {
		return conditions, nil
	}
	var usernames []string
	for _, contact := range contacts {
		if username := contact.Status.Learner.Username; username != "" {
			usernames = append(usernames, username)
		}
	}
	found, err := connection.LinkedLearners(ctx, provider, usernames)
	if err != nil {
		return nil, err
	}
	linked := map[string]bool{}
	for _, username := range found {
		linked[strings.ToLower(username)] = true
	}
	for i, contact := range contacts {
		if username := contact.Status.Learner.Username; username != "" {
			conditions[i] = linkCondition(linked[strings.ToLower(username)])
		}
	}
	return conditions, nil
}

func linkCondition(linked bool) *metav1.Condition {
	if linked {
		return &metav1.Condition{Type: v1alpha1.ConditionSSOLinked, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonLinked,
			Message: "The learner has signed on through the platform's provider, and the LMS links the account to it."}
	}
	return &metav1.Condition{Type: v1alpha1.ConditionSSOLinked, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNotLinked,
		Message: "The learner has not signed on through the platform's provider yet, or the LMS could not link the account."}
}

// writeLink applies the condition, or none, as this controller's part of the contact's status, if it changed.
func (r *accountSweeper) writeLink(ctx context.Context, contact *v1alpha1.Contact, condition *metav1.Condition) error {
	was := meta.FindStatusCondition(contact.Status.Conditions, v1alpha1.ConditionSSOLinked)
	if was == nil && condition == nil || was != nil && condition != nil && was.Reason == condition.Reason {
		return nil
	}
	noted := &v1alpha1.Contact{}
	noted.Namespace, noted.Name, noted.UID = contact.Namespace, contact.Name, contact.UID
	if condition != nil {
		condition.ObservedGeneration, condition.LastTransitionTime = contact.Generation, metav1.NewTime(r.clock.Now())
		noted.Status.Conditions = []metav1.Condition{*condition}
	}
	err := r.applyStatus(ctx, noted)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // It went away meanwhile.
	}
	if err != nil {
		return fmt.Errorf("cannot write whether the account is linked: %w", err)
	}
	return nil
}

// showLinksUnknown shows on the platform why the LMS does not tell who is linked, or that it does.
func (r *accountSweeper) showLinksUnknown(ctx context.Context, platform *v1alpha1.LearningPlatform, why *lms.Error) error {
	was := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionSSOLinksUnknown)
	switch {
	case why == nil && was == nil, why != nil && was != nil && was.Reason == why.Reason:
		return nil
	case why == nil:
		meta.RemoveStatusCondition(&platform.Status.Conditions, v1alpha1.ConditionSSOLinksUnknown)
	default:
		meta.SetStatusCondition(&platform.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionSSOLinksUnknown, Status: metav1.ConditionTrue, Reason: why.Reason, Message: why.Message,
			ObservedGeneration: platform.Generation, LastTransitionTime: metav1.NewTime(r.clock.Now()),
		})
		r.recorder.Eventf(platform, nil, corev1.EventTypeWarning, why.Reason, "Sweep", "%s", why.Message)
	}
	return r.writePart(ctx, platform)
}
