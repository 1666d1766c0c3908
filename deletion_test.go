package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// deleteDeactivating deletes the contact with the policy Deactivate, and waits until it is gone.
func (c *company) deleteDeactivating(id string) {
	c.t.Helper()
	change(c, c.contact(id), func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = v1alpha1.DeletionDeactivate })
	contact := c.contact(id)
	must(c.t, c.Delete(context.Background(), contact))
	c.waitUntilGone(contact)
}

func TestADeletedContactsAccountIsDeactivatedWhereThatCanBe(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t, "1234A")
	d := joe("000123", "1234A")
	c.mustPut(d, http.StatusCreated)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.deleteDeactivating("000123")
	if account, there := c.lms.Account(d.Email); !there || account.Active {
		t.Errorf("account = %+v, %v; want it there, and inactive", account, there)
	}
	if c.enrolledOnLMS(d.Email, "1234A") {
		t.Error("the learner is still enrolled")
	}
}

func TestAnAccountThatStaysActiveIsToldInAnEvent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		company func(*testing.T, ...string) *company
		prepare func(*company)
		told    string
	}{
		"Adopted": {newCompanySeenByEoxCore, func(c *company) {
			c.lms.AddUser(openedxtest.UserSpec{Username: "old_hand", Email: joe("000123").Email, Name: "Joe Smith000123", Active: true})
		}, "Rollcall did not make it."},
		"Stock": {newStockCompany, func(*company) {}, "account route EoxCore"},
		"StillUsed": {newCompanySeenByEoxCore, func(c *company) { c.addExtra("000123", "1235A") },
			"Enrollments besides those of the document use it."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := test.company(t, "1234A", "1235A")
			test.prepare(c)
			d := joe("000123", "1234A")
			c.mustPut(d, http.StatusCreated)
			c.waitForContact("000123", v1alpha1.ReasonSynced)
			c.deleteDeactivating("000123")
			if account, _ := c.lms.Account(d.Email); !account.Active {
				t.Error("the account is inactive")
			}
			if c.enrolledOnLMS(d.Email, "1234A") {
				t.Error("the learner is still enrolled")
			}
			c.eventually("the event", func() error {
				var list eventsv1.EventList
				must(t, c.List(context.Background(), &list, client.InNamespace(c.namespace)))
				for _, event := range list.Items {
					if event.Reason == "AccountKept" && strings.Contains(event.Note, test.told) {
						return nil
					}
				}
				return fmt.Errorf("it is not among %d events", len(list.Items))
			})
		})
	}
}

// The account was renamed on the LMS, and its username is another contact's now, who has the same name.
func TestADeactivationIsForNobodyElse(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t)
	first, second := joe("1"), joe("2")
	second.LastName = first.LastName
	c.mustPut(first, http.StatusCreated)
	username := c.waitForContact("1", v1alpha1.ReasonSynced).Status.Learner.Username
	c.lms.RenameUser(username, "renamed")
	c.mustPut(second, http.StatusCreated)
	c.waitForContact("2", v1alpha1.ReasonEmailInUse) // The first still counts the username as its own.
	c.deleteDeactivating("1")
	c.waitForContact("2", v1alpha1.ReasonSynced)
	if account, _ := c.lms.Account(second.Email); account.Username != username || !account.Active {
		t.Errorf("the second's account is %+v", account)
	}
}

func TestADeactivationWaitsForAnLMSThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	c := newCompanySeenByEoxCore(t)
	d := joe("000123")
	c.mustPut(d, http.StatusCreated)
	contact := c.waitForContact("000123", v1alpha1.ReasonSynced)
	change(c, contact, func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = v1alpha1.DeletionDeactivate })
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	c.lms.SetDown(true)
	must(t, c.Delete(context.Background(), contact))
	c.waitForState(contact, v1alpha1.ReasonPlatformUnavailable)
	c.lms.SetDown(false)
	c.waitUntilGone(contact)
	if account, _ := c.lms.Account(d.Email); account.Active {
		t.Error("the account is active")
	}
}

// A namespace deletes its objects in any order, and the LMS may be gone for good.
func TestADeletedNamespaceNeverHangsThoughTheLMSIsGone(t *testing.T) {
	t.Parallel()
	kinds := map[string]client.Object{
		"contacts": &v1alpha1.Contact{}, "enrollments": &v1alpha1.Enrollment{}, "courses": &v1alpha1.Course{}, "platforms": &v1alpha1.LearningPlatform{},
	}
	for _, order := range [][]string{
		{"platforms", "courses", "contacts", "enrollments"},
		{"enrollments", "contacts", "courses", "platforms"},
		{"courses", "platforms", "enrollments", "contacts"},
		{"contacts", "courses", "enrollments", "platforms"},
	} {
		t.Run(strings.Join(order, "-"), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, "1234A", "1235A")
			for i, policy := range []v1alpha1.DeletionPolicy{v1alpha1.DeletionWithdraw, v1alpha1.DeletionOrphan, v1alpha1.DeletionDeactivate} {
				id := fmt.Sprint(i)
				c.mustPut(joe(id, "1234A", "1235A"), http.StatusCreated)
				change(c, c.contact(id), func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = policy })
				c.waitForContact(id, v1alpha1.ReasonSynced)
			}
			c.addExtra("0", "1234A")
			c.lms.SetDown(true)
			for i, kind := range order {
				if kind == "platforms" && slices.Contains(order[:i], "contacts") {
					c.waitForADeletionThatHangs()
				}
				must(t, c.DeleteAllOf(context.Background(), kinds[kind], client.InNamespace(c.namespace)))
			}
			c.waitUntilEmpty()
		})
	}
}

// waitForADeletionThatHangs waits until something that is deleted waits for the LMS.
func (c *company) waitForADeletionThatHangs() {
	c.t.Helper()
	c.eventually("something that is deleted waits for the LMS", func() error {
		var contacts v1alpha1.ContactList
		must(c.t, c.List(context.Background(), &contacts, client.InNamespace(c.namespace)))
		var enrollments v1alpha1.EnrollmentList
		must(c.t, c.List(context.Background(), &enrollments, client.InNamespace(c.namespace)))
		deleted := []conditioned{}
		for i := range contacts.Items {
			deleted = append(deleted, &contacts.Items[i])
		}
		for i := range enrollments.Items {
			deleted = append(deleted, &enrollments.Items[i])
		}
		if !slices.ContainsFunc(deleted, func(o conditioned) bool {
			return o.GetDeletionTimestamp() != nil && readyOf(o).Reason == v1alpha1.ReasonPlatformUnavailable
		}) {
			return fmt.Errorf("none of %d does", len(deleted))
		}
		return nil
	})
}
