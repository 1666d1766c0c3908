package controllers

import (
	"context"
	"fmt"
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

// accountSweeper compares the accounts of all learners on a platform with the LMS. The contacts that differ are checked by
// their own controller; the sum is a part of the platform's status of its own.
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
	r.sweeps.Delete(key)
	return interval / 2, r.writeSum(ctx, platform, current.sum(r.clock.Now())) // The next one is no sooner.
}

// currentSweep gives the sweep that is under way or begins now, or the time until the next one is due.
func (r *accountSweeper) currentSweep(ctx context.Context, platform *v1alpha1.LearningPlatform, interval time.Duration) (*accountSweep, time.Duration, error) {
	key, of := client.ObjectKeyFromObject(platform), basisOf(platform.UID, platform.Generation)
	seen, known := r.requests.Swap(key, requestOf(platform))
	asked := known && seen != requestOf(platform) || !known && checkRequested(platform)
	if underWay, ok := r.sweeps.Load(key); ok && underWay.(*accountSweep).of == of {
		return underWay.(*accountSweep), 0, nil
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
	var contacts []*v1alpha1.Contact
	var usernames []string
	for _, name := range page {
		contact := &v1alpha1.Contact{}
		if err := r.Get(ctx, client.ObjectKey{Namespace: platform.Namespace, Name: name}, contact, uncopied); client.IgnoreNotFound(err) != nil {
			return err
		}
		if isComparable(contact, platform) {
			contacts, usernames = append(contacts, contact), append(usernames, contact.Status.Learner.Username)
		}
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

// writeSum applies the sum as this controller's part of the status.
func (r *accountSweeper) writeSum(ctx context.Context, platform *v1alpha1.LearningPlatform, sum v1alpha1.AccountSweep) error {
	swept := &v1alpha1.LearningPlatform{}
	swept.Namespace, swept.Name, swept.UID = platform.Namespace, platform.Name, platform.UID
	swept.Status.AccountSweep = sum
	if err := r.applyStatus(ctx, swept); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cannot write the sum of the accounts: %w", err)
	}
	return nil
}
