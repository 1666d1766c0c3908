package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// compareContact checks that a contact has an account and is in step, unless there is a reason why it cannot.
func (r *modelRun) compareContact(contact *v1alpha1.Contact, accounts []openedxtest.Account, holders map[string]*v1alpha1.Contact) error {
	id := contact.Spec.ContactID
	document := r.model.documents[id]
	sold, _ := r.model.sold(id, r.model.today(r.clock.Now()))
	if contact.Spec.Email != document.Email || contact.Spec.FirstName != document.FirstName || contact.Spec.LastName != document.LastName {
		return errors.New("it is not as its document")
	}
	var learner, addressee *openedxtest.Account
	for i := range accounts {
		if strings.EqualFold(accounts[i].Username, contact.Status.Learner.Username) {
			learner = &accounts[i]
		}
		if strings.EqualFold(accounts[i].Email, document.Email) {
			addressee = &accounts[i]
		}
	}
	own := learner != nil && !isRetired(*learner)
	blocked := r.model.shared(id) || r.model.retired[strings.ToLower(document.Email)] || strings.EqualFold(document.Email, recoveryAddress)
	if addressee != nil {
		holder := holders[strings.ToLower(addressee.Username)]
		blocked = blocked || holder != nil && holder.Spec.ContactID != id
	}
	switch {
	case blocked:
		return nil
	case own && addressee != nil && addressee != learner: // The learner keeps the account.
		if reason := readyOf(contact).Reason; reason != v1alpha1.ReasonEmailInUse {
			return fmt.Errorf("its address is that of %s", addressee.Username)
		}
		return nil
	case addressee != nil && addressee != learner:
		return fmt.Errorf("its account should be %s", addressee.Username)
	case learner == nil && contact.Status.Learner.Username == "" && r.waitsForLogin:
		for key := range sold {
			if r.model.closed[key] == nil && !slices.Contains(r.lms.PreEnrollments(document.Email), key) {
				return fmt.Errorf("its address is not pre-enrolled in %s, which was sold", key)
			}
		}
		return nil
	case learner == nil && contact.Status.Learner.Username == "":
		return errors.New("it has no account")
	case !own && len(sold) > 0 && !r.isToldOnly(contact):
		return errors.New("its account is not on the LMS any more")
	case !own:
		return nil
	}
	if err := r.compareProfile(contact, learner); err != nil || !learner.Active {
		return err
	}
	for _, line := range document.Enrollments {
		course, usable := r.model.usable(line.CourseCode)
		if !usable || r.model.closed[course.key] != nil {
			return nil
		}
	}
	switch differs := r.differs(learner, sold); {
	case r.isToldOnly(contact):
		return nil
	case differs:
		return errors.New("it does not tell that people changed an enrollment")
	case !isReady(contact):
		return errors.New("it should be in step")
	}
	return nil
}

// isToldOnly says whether the platform only reports that the LMS differs, and the contact does.
func (r *modelRun) isToldOnly(contact *v1alpha1.Contact) bool {
	return r.drift == v1alpha1.DriftPolicyReport && readyOf(contact).Reason == v1alpha1.ReasonDrifted
}

// differs says whether an account is not enrolled as was sold.
func (r *modelRun) differs(account *openedxtest.Account, sold map[string]string) bool {
	for key, mode := range sold {
		if row, _ := r.lms.Enrollment(account.Username, key); !row.Active || mode != "" && row.Mode != mode {
			return true
		}
	}
	return false
}

// compareProfile checks that name and address were carried over, or that the contact says that they were not. What people
// changed is only told with the policy Report.
func (r *modelRun) compareProfile(contact *v1alpha1.Contact, account *openedxtest.Account) error {
	spec := &contact.Spec
	same := account.Name == lms.FullName(spec.FirstName, spec.LastName) && strings.EqualFold(account.Email, spec.Email)
	profile := profileOf(contact)
	told := r.drift == v1alpha1.DriftPolicyReport && profile.Reason == v1alpha1.ReasonDrifted
	switch said := profile.Status; {
	case r.carriesOver && !same && !told:
		return fmt.Errorf("its account is %s <%s>", account.Name, account.Email)
	case (said == metav1.ConditionTrue) != same:
		return fmt.Errorf("its account is %s <%s>, and ProfileInSync is %s", account.Name, account.Email, said)
	}
	return nil
}

// compareActivity checks that an account is as active as people left it, unless it went with its contact.
func (r *modelRun) compareActivity(account openedxtest.Account) error {
	should, known := r.model.shouldBeActive(account.ID)
	if known && !isRetired(account) && account.Active != should {
		return fmt.Errorf("active: %v", account.Active)
	}
	return nil
}

// comparePreEnrollments checks that no address is pre-enrolled in what is not sold, and that what people pre-enrolled still is.
func (r *modelRun) comparePreEnrollments() error {
	today := r.model.today(r.clock.Now())
	may, anything := map[string]set{}, set{} // by address
	for id, addresses := range r.model.addresses {
		sold, unsure := r.model.sold(id, today)
		for address := range addresses {
			anything[address] = anything[address] || r.model.orphaned[id]
			add(may, address, "")
			for key := range sold {
				add(may, address, key)
			}
			maps.Copy(may[address], unsure)
		}
	}
	for address, keys := range r.model.preEnrolled {
		for key := range keys {
			add(may, address, key)
			if !slices.Contains(r.lms.PreEnrollments(address), key) {
				return fmt.Errorf("people pre-enrolled %s in %s, and it is not", address, key)
			}
		}
	}
	for address, keys := range may {
		for _, key := range r.lms.PreEnrollments(address) {
			if !keys[key] && !anything[address] {
				return fmt.Errorf("%s is pre-enrolled in %s, which is not sold", address, key)
			}
		}
	}
	return nil
}

// compareNewAccounts checks that Rollcall made no account that nobody's document asks for, and none twice.
func (r *modelRun) compareNewAccounts(accounts []openedxtest.Account) error {
	made := map[string]int{}
	for _, account := range accounts {
		if r.first[account.ID] {
			continue
		}
		if r.waitsForLogin {
			return fmt.Errorf("the account %s was made", account.Username)
		}
		owner := ""
		for id, addresses := range r.model.addresses {
			for address := range r.model.known[account.ID] {
				if addresses[address] {
					owner = id
				}
			}
		}
		if owner == "" {
			return fmt.Errorf("nobody has the account %s (%s)", account.Username, account.Email)
		}
		made[owner]++
	}
	for id, count := range made {
		// An account that people moved to another address, or retired, is replaced.
		if most := len(r.model.addresses[id]) + r.moved; count > most {
			return fmt.Errorf("%d accounts were made for the contact %s, with %d addresses", count, id, most)
		}
	}
	return nil
}

func isRetired(account openedxtest.Account) bool {
	return strings.HasSuffix(account.Email, "@retired.invalid")
}
