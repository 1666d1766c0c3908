package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// accountSweeper compares the accounts of all learners on a platform with the LMS, and then looks who is linked to single
// sign-on. The contacts that differ are checked by their own controller; the sum is a part of the platform's status of its own,
// and SSOLinked one of the contacts'.
type accountSweeper struct {
	reconciler
	// sweeps are under way, and requests for one were seen last, by the name of the platform.
	sweeps, requests sync.Map
	// started is when this process began to look after accounts.
	started time.Time
}

// accountSweep is a comparison that is under way. It lives in memory only: one that a restart ends begins again.
type accountSweep struct {
	// of is what it is made on. When that has changed, it begins again.
	of string
	// left are the names of the contacts whose accounts are still to be compared.
	left []string
	// links are looked for, once the accounts have been compared.
	links *linkReading

	compared, missing, inactive, changed int32
}

func (r *accountSweeper) setUp(mgr ctrl.Manager) error {
	r.started = r.clock.Now()
	return ctrl.NewControllerManagedBy(mgr).
		Named("accountsweep").
		WithOptions(r.options(1)).
		For(&v1alpha1.LearningPlatform{}, builder.WithPredicates(predicate.Or(standingOrSpec(), specOrRequest()))).
		Complete(r)
}

// Reconcile compares the next page of accounts, when a sweep is due or was asked for.
func (r *accountSweeper) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	platform, connection, waiting, err := r.platforms.ready(ctx, request.Namespace, request.Name)
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case platform == nil:
		for _, known := range []*sync.Map{&r.sweeps, &r.requests} {
			known.Delete(request.NamespacedName)
		}
		return ctrl.Result{}, nil
	case waiting != nil:
		return ctrl.Result{RequeueAfter: waiting.after}, nil
	}
	after, err := r.sweep(lms.WithLane(ctx, lms.Background), platform, connection)
	return ctrl.Result{RequeueAfter: after}, err
}

func (r *accountSweeper) sweep(ctx context.Context, platform *v1alpha1.LearningPlatform, connection lms.Platform) (time.Duration, error) {
	key := client.ObjectKeyFromObject(platform)
	interval := driftInterval(platform)
	if interval == 0 {
		r.sweeps.Delete(key)
		return 0, nil
	}
	current, left, err := r.currentSweep(ctx, platform, interval)
	if current == nil {
		return left, err
	}
	if current.links != nil {
		return r.readLinks(ctx, platform, connection, current.links)
	}
	page := current.left[:min(len(current.left), lms.MaxPage)]
	if err := r.compare(ctx, platform, connection, current, page); err != nil {
		after, goesOn := r.interrupted(platform, err)
		if !goesOn {
			r.sweeps.Delete(key)
		}
		return after, ctx.Err()
	}
	if current.left = current.left[len(page):]; len(current.left) > 0 {
		return time.Millisecond, nil
	}
	platform.Status.AccountSweep = current.sum(r.clock.Now())
	if err := r.writePart(ctx, platform); err != nil {
		r.sweeps.Delete(key)
		return 0, err
	}
	current.links, err = r.linksToRead(ctx, platform)
	return time.Millisecond, err
}

// currentSweep gives the sweep that is under way or begins now, or the time until the next one is due.
func (r *accountSweeper) currentSweep(ctx context.Context, platform *v1alpha1.LearningPlatform, interval time.Duration) (*accountSweep, time.Duration, error) {
	key, of := client.ObjectKeyFromObject(platform), basisOf(platform.UID, platform.Generation)
	seen, known := r.requests.Swap(key, requestOf(platform))
	asked := known && seen != requestOf(platform) || !known && checkRequested(platform)
	if known, ok := r.sweeps.Load(key); ok {
		underWay := known.(*accountSweep)
		// Who asks while links are read wants the accounts compared, which they were before.
		if underWay.of == of && (underWay.links == nil || !asked) {
			return underWay, 0, nil
		}
	}
	if left := nextSweep(platform, platform.Status.AccountSweep.FinishedTime.Time, r.started, sweepableSince(platform, r.started), interval).Sub(r.clock.Now()); left > 0 && !asked {
		r.sweeps.Delete(key)
		return nil, left, nil
	}
	var contacts v1alpha1.ContactList
	if err := r.List(ctx, &contacts, client.InNamespace(platform.Namespace), uncopied); err != nil {
		return nil, 0, fmt.Errorf("cannot list the contacts: %w", err)
	}
	begun := &accountSweep{of: of}
	for i := range contacts.Items {
		if contact := &contacts.Items[i]; isComparable(contact, platform) {
			begun.left = append(begun.left, contact.Name)
		}
	}
	r.sweeps.Store(key, begun)
	return begun, 0, nil
}

// isComparable says whether the contact has an account on the platform, which was last seen to with the present document.
func isComparable(contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform) bool {
	return contact.Spec.PlatformRef.Name == platform.Name && contact.Status.Learner.Username != "" &&
		contact.Status.ObservedGeneration == contact.Generation && contact.DeletionTimestamp.IsZero() && !ptr.Deref(contact.Spec.Suspend, false)
}

// compare asks the LMS for the accounts of a page of contacts, and has those checked that differ from what is known.
func (r *accountSweeper) compare(ctx context.Context, platform *v1alpha1.LearningPlatform, connection lms.Platform, sweep *accountSweep, page []string) error {
	contacts, err := r.contactsNamed(ctx, platform.Namespace, page)
	if err != nil {
		return err
	}
	contacts = slices.DeleteFunc(contacts, func(contact *v1alpha1.Contact) bool { return !isComparable(contact, platform) })
	var usernames []string
	for _, contact := range contacts {
		usernames = append(usernames, contact.Status.Learner.Username)
	}
	found, err := connection.LookUpLearners(ctx, usernames)
	if err != nil {
		return err
	}
	accounts := make(map[string]*lms.Learner, len(found))
	for i := range found {
		accounts[strings.ToLower(found[i].Username)] = &found[i]
	}
	for _, contact := range contacts {
		if sweep.judge(contact, accounts[strings.ToLower(contact.Status.Learner.Username)]) {
			r.drift.suspect(ctx, r.drift.contacts, contact)
		}
	}
	return ctx.Err()
}

// judge counts how an account differs from the contact's document, and says whether that is news to the contact.
func (s *accountSweep) judge(contact *v1alpha1.Contact, account *lms.Learner) (news bool) {
	s.compared++
	inTrouble := contact.Status.Attempts != nil
	if account == nil || !isSameAccount(&contact.Status.Learner, account) {
		s.missing++ // An account that was made anew under the name is another one.
		return !inTrouble
	}
	if !account.Active {
		s.inactive++
	}
	changed := !strings.EqualFold(account.Email, contact.Spec.Email) ||
		strings.TrimSpace(account.Name) != lms.FullName(contact.Spec.FirstName, contact.Spec.LastName)
	if changed {
		s.changed++
	}
	return account.Active == inTrouble || changed != meta.IsStatusConditionFalse(contact.Status.Conditions, v1alpha1.ConditionProfileInSync)
}

// sum gives the result. The API keeps times to the second.
func (s *accountSweep) sum(now time.Time) v1alpha1.AccountSweep {
	return v1alpha1.AccountSweep{FinishedTime: metav1.NewTime(now.Truncate(time.Second)),
		Compared: &s.compared, Missing: &s.missing, Inactive: &s.inactive, Changed: &s.changed}
}

// writePart applies this controller's part of the platform's status.
func (r *accountSweeper) writePart(ctx context.Context, platform *v1alpha1.LearningPlatform) error {
	swept := &v1alpha1.LearningPlatform{}
	swept.Namespace, swept.Name, swept.UID = platform.Namespace, platform.Name, platform.UID
	swept.Status.AccountSweep = platform.Status.AccountSweep
	if unknown := meta.FindStatusCondition(platform.Status.Conditions, v1alpha1.ConditionSSOLinksUnknown); unknown != nil {
		swept.Status.Conditions = []metav1.Condition{*unknown}
	}
	if err := r.applyStatus(ctx, swept); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cannot write the sum of the accounts: %w", err)
	}
	return nil
}
