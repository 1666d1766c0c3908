package main

import (
	"fmt"
	"slices"
	"strings"

	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// neverSold are courses for which no Course stands.
var neverSold = []string{courseKey("4500P"), courseKey("4501P")}

// meddle does what people do on the LMS behind Rollcall's back.
func (r *modelRun) meddle() {
	if r.waitsForLogin && r.random.IntN(2) == 0 {
		r.comeForFirstTime()
		return
	}
	account := r.someAccount()
	rows := r.lms.Enrollments(account.Username)
	switch n := r.random.IntN(22); {
	case n < 6 && len(rows) > 0:
		r.unenroll(account, pick(r.random, rows).Course)
	case n < 9 && len(rows) > 0:
		row := pick(r.random, rows)
		r.enroll(account, row.Course, pick(r.random, r.model.offered[row.Course]))
	case n < 14:
		course := courseKey(pick(r.random, []string{"1234A", "1235A", "1236A", "2100S", "2101S", "3001C", "4500P", "4501P"}))
		r.enroll(account, course, pick(r.random, r.model.offered[course]))
	case n < 16:
		r.setActive(account)
	case n < 17:
		r.renameAccount(account)
	case n < 18:
		r.moveAccount(account)
	case n < 19:
		r.retire(account)
	case n < 21:
		r.note("people call %s something else", account.Username)
		r.lms.SetName(account.Username, "Somebody Else")
	default:
		name := fmt.Sprintf("newcomer%d", len(r.lms.Accounts()))
		r.note("%s comes to the LMS by himself", name)
		r.lms.AddUser(openedxtest.UserSpec{Username: name, Email: name + "@home.example", Name: "New Comer", Active: true})
		made, _ := r.lms.Account(name)
		r.first[made.ID], r.model.active[made.ID] = true, true
	}
}

// someAccount gives one that people may change; most often a contact's.
func (r *modelRun) someAccount() openedxtest.Account {
	var learners, all []openedxtest.Account
	for _, account := range r.lms.Accounts() {
		if account.Username == "rollcall_svc" || isRetired(account) {
			continue
		}
		all = append(all, account)
		add(r.model.known, account.ID, strings.ToLower(account.Email))
		if len(r.model.holders(account.ID)) > 0 {
			learners = append(learners, account)
		}
	}
	if len(learners) > 0 && r.random.IntN(4) > 0 {
		return pick(r.random, learners)
	}
	return pick(r.random, all)
}

// comeForFirstTime lets a learner log in who has no account yet, or pre-enrolls one in a course that is never sold.
func (r *modelRun) comeForFirstTime() {
	document := r.model.documents[pick(r.random, r.contacts)]
	if document == nil {
		return
	}
	email := strings.ToLower(document.Email)
	_, there := r.lms.Account(email)
	switch {
	case r.random.IntN(4) == 0:
		r.note("people pre-enroll %s", email)
		key := pick(r.random, neverSold)
		r.lms.PreEnroll(email, key)
		add(r.model.preEnrolled, email, key)
	case !there && !r.model.retired[email] && email != recoveryAddress:
		username := fmt.Sprintf("sso%d", len(r.lms.Accounts()))
		r.note("%s logs in as %s", email, username)
		r.lms.LogInFirst(username, email, lms.FullName(document.FirstName, document.LastName))
		account, _ := r.lms.Account(username)
		r.first[account.ID], r.model.active[account.ID] = true, true
		r.leftNeverSold(account)
	}
}

// setActive activates an account, or makes it inactive. An active one takes its pre-enrollments.
func (r *modelRun) setActive(account openedxtest.Account) {
	r.note("people set %s active: %v", account.Username, !account.Active)
	r.lms.SetActive(account.Username, !account.Active)
	r.leftNeverSold(account)
	if should, _ := r.model.shouldBeActive(account.ID); should != account.Active { // Rollcall is about to make it inactive.
		r.model.perhaps[account.ID] = true
	}
	r.model.active[account.ID] = !account.Active
}

// leftNeverSold remembers where an account was enrolled because people had pre-enrolled its address.
func (r *modelRun) leftNeverSold(account openedxtest.Account) {
	for _, row := range r.lms.Enrollments(account.Username) {
		if slices.Contains(neverSold, row.Course) {
			r.left(account, row.Course)
		}
	}
}

func (r *modelRun) unenroll(account openedxtest.Account, key string) {
	r.note("people unenroll %s from %s", account.Username, key)
	r.lms.Unenroll(account.Username, key)
	r.left(account, key)
}

func (r *modelRun) enroll(account openedxtest.Account, key, mode string) {
	r.note("people enroll %s in %s as %s", account.Username, key, mode)
	r.lms.Enroll(account.Username, key, mode)
	r.left(account, key)
}

// left remembers how people left an enrollment.
func (r *modelRun) left(account openedxtest.Account, key string) {
	r.model.seats[seat{account.ID, key}], _ = r.lms.Enrollment(account.Username, key)
}

// renameAccount gives an account another username. What it is enrolled in then counts as people's: a withdrawal before
// Rollcall learns of the new name goes nowhere.
func (r *modelRun) renameAccount(account openedxtest.Account) {
	r.moved++
	name := fmt.Sprintf("renamed%d", r.moved)
	r.note("people rename %s to %s", account.Username, name)
	r.lms.RenameUser(account.Username, name)
	account.Username = name
	for _, row := range r.lms.Enrollments(name) {
		r.left(account, row.Course)
	}
}

// moveAccount gives an account another address. Where learners make their accounts, what it is enrolled in then counts as
// people's: if Rollcall has not seen the account yet, it never learns whose it was.
func (r *modelRun) moveAccount(account openedxtest.Account) {
	r.moved++
	email := fmt.Sprintf("moved%d@home.example", r.moved)
	r.note("people give %s the address %s", account.Username, email)
	add(r.model.known, account.ID, strings.ToLower(account.Email))
	r.lms.SetEmail(account.Username, email)
	if r.waitsForLogin {
		for _, row := range r.lms.Enrollments(account.Username) {
			r.left(account, row.Course)
		}
	}
}

func (r *modelRun) retire(account openedxtest.Account) {
	r.note("people retire %s", account.Username)
	add(r.model.known, account.ID, strings.ToLower(account.Email))
	r.model.retired[strings.ToLower(account.Email)] = true
	r.moved++
	r.lms.RetireUser(account.Username)
	for key := range r.model.offered {
		if row, there := r.model.seats[seat{account.ID, key}]; there {
			row.Active = false
			r.model.seats[seat{account.ID, key}] = row
		}
	}
}

// closeCourse lets the LMS admit nobody to a course, at least until calm returns.
func (r *modelRun) closeCourse() {
	course := pick(r.random, openedxtest.DemoCourses)
	r.note("people close %s", course.ID)
	course.EnrollmentEndDays = new(-1)
	r.lms.AddCourse(course)
	in := map[int]bool{}
	for _, account := range r.lms.Accounts() {
		_, in[account.ID] = r.lms.Enrollment(account.Username, course.ID)
	}
	r.model.closed[course.ID] = in
}

// openCourses lets the LMS admit everybody again.
func (r *modelRun) openCourses() {
	r.note("people open all courses")
	for _, course := range openedxtest.DemoCourses {
		r.lms.AddCourse(course)
	}
	clear(r.model.closed)
}
