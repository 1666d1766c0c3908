package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// step does something at random.
func (r *modelRun) step() {
	r.t.Helper()
	type action struct {
		weight int
		do     func()
	}
	actions := []action{
		{30, r.sendDocument}, {5, r.deleteContact},
		{6, r.changeCourse}, {3, r.closeCourse}, {3, r.suspend}, {2, r.moveHouse}, {2, r.observe},
		{24, r.meddle},
		{6, r.goDown}, {10, r.fail}, {6, r.endTrouble},
		{5, r.restart},
		{14, r.passTime},
		{12, r.getQuiet},
	}
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	n := r.random.IntN(total)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			a.do()
			return
		}
	}
}

// sendDocument sends a new document of a contact.
func (r *modelRun) sendDocument() {
	id := pick(r.random, r.contacts)
	document := r.newDocument(id)
	r.note("send %s", asText(document))
	status, answer := r.put(document)
	switch {
	case status == http.StatusServiceUnavailable && r.isBeingDeleted(id):
		r.note("  refused: it is being deleted")
		return
	case status != http.StatusOK && status != http.StatusCreated && status != http.StatusConflict:
		r.t.Fatalf("PUT of %s = %d %+v", id, status, answer)
	}
	r.model.documents[id] = document
	add(r.model.addresses, id, strings.ToLower(document.Email))
	for _, line := range document.Enrollments {
		add(r.model.named, id, line.CourseCode)
	}
}

func (r *modelRun) isBeingDeleted(id string) bool {
	var contact v1alpha1.Contact
	err := r.Get(context.Background(), client.ObjectKey{Namespace: r.namespace, Name: names.Contact(id)}, &contact)
	return err != nil || !contact.DeletionTimestamp.IsZero() // or gone by now
}

// newDocument makes one from the last of the contact, or a new one.
func (r *modelRun) newDocument(id string) *document {
	// No name is a part of a word: no message of a condition may hold one.
	made := &document{ContactID: id, FirstName: pick(r.random, []string{"Ottilie", "Zoë", "Xaver"}), LastName: pick(r.random, []string{"Smith", "O'Neil"}),
		Email: id + "@acme.example"}
	last := r.model.documents[id]
	if last != nil {
		made.FirstName, made.LastName, made.Email = last.FirstName, last.LastName, last.Email
	}
	switch r.random.IntN(24) {
	case 0:
		made.Email = pick(r.random, []string{"JAMES.chen@acme.com", "t.okafor@globex.example", "Maria.Lopez@acme.com", recoveryAddress, "p.gone@acme.com"})
	case 1:
		made.Email = pick(r.random, r.contacts) + "@acme.example" // perhaps another's
	case 2:
		made.Email = fmt.Sprintf("%s-%d@acme.example", id, r.random.IntN(3))
	case 3:
		made.Email = strings.ToUpper(made.Email)
	case 4:
		made.LastName = "Miller"
	}
	made.Enrollments = []enrollment{}
	for _, code := range append(slices.Clone(r.codes), "UNKNOWN") {
		if often := map[bool]int{true: 12, false: 2}[code == "UNKNOWN"]; r.random.IntN(often) == 0 != (code == "UNKNOWN") {
			continue
		}
		made.Enrollments = append(made.Enrollments, r.newLine(code))
	}
	return made
}

// newLine gives access to a course around today.
func (r *modelRun) newLine(code string) enrollment {
	day := func(days int) string { return r.model.today(r.clock.Now().AddDate(0, 0, days)) }
	line := enrollment{CourseCode: code, AccessStartDate: day(-r.random.IntN(20))}
	switch r.random.IntN(10) {
	case 0, 1, 2:
		line.AccessEndDate = day(r.random.IntN(4)) // tonight at the earliest
	case 3, 4:
		line.AccessStartDate = day(1 + r.random.IntN(3))
	case 5:
		line.AccessStartDate, line.AccessEndDate = day(1), day(1+r.random.IntN(2))
	case 6:
		line.AccessStartDate, line.AccessEndDate = day(-20), day(-1-r.random.IntN(5))
	}
	return line
}

// deleteContact deletes a contact as a person does.
func (r *modelRun) deleteContact() {
	id := pick(r.random, r.contacts)
	if r.model.documents[id] == nil {
		return
	}
	policy := pick(r.random, []v1alpha1.DeletionPolicy{v1alpha1.DeletionWithdraw, v1alpha1.DeletionWithdraw, v1alpha1.DeletionDeactivate, v1alpha1.DeletionOrphan})
	r.note("delete %s, %s", id, policy)
	contact := &v1alpha1.Contact{ObjectMeta: r.named(names.Contact(id))}
	change(r.company, contact, func(contact *v1alpha1.Contact) { contact.Spec.DeletionPolicy = policy })
	switch {
	case policy == v1alpha1.DeletionOrphan, r.observedSince != nil: // What is only observed is let go.
		r.model.orphaned[id] = true
	case policy == v1alpha1.DeletionDeactivate:
		r.deactivate(id, &contact.Status.Learner)
	}
	must(r.t, client.IgnoreNotFound(r.Delete(context.Background(), contact)))
	delete(r.model.documents, id)
}

// deactivate notes that an account goes with its contact, if Rollcall made it.
func (r *modelRun) deactivate(contactID string, learner *v1alpha1.LearnerStatus) {
	account, there := r.lms.Account(learner.Username)
	switch {
	case !r.carriesOver:
	case !there || int64(account.ID) != learner.ID: // Rollcall may learn of the account before the contact is gone.
		r.model.perhaps[contactID] = true
	case learner.ProvisionedBy == v1alpha1.ProvisionedByCreation:
		r.model.active[account.ID] = false
	}
}

// suspend holds all work for a contact until calm returns.
func (r *modelRun) suspend() {
	id := pick(r.random, r.contacts)
	if r.model.documents[id] == nil {
		return
	}
	r.note("suspend %s", id)
	change(r.company, r.contact(id), func(contact *v1alpha1.Contact) { contact.Spec.Suspend = new(true) })
}

// resume lifts what suspend did.
func (r *modelRun) resume() {
	for id := range r.model.documents {
		if contact := r.contact(id); contact.Spec.Suspend != nil {
			change(r.company, contact, func(contact *v1alpha1.Contact) { contact.Spec.Suspend = nil })
		}
	}
}

// observe lets the LMS only be observed from the next start on, until calm returns.
func (r *modelRun) observe() {
	if r.observedSince != nil {
		return
	}
	r.note("the LMS is only observed")
	r.stop()
	r.setMode(v1alpha1.PlatformModeObserve)
	r.letGo()
	r.lms.Settle()
	r.observedSince = new(r.lms.Writes())
	r.starts = append(r.starts, r.clock.Now())
	r.start()
}

// letGo notes that what is still being deleted goes as it is.
func (r *modelRun) letGo() {
	var contacts v1alpha1.ContactList
	must(r.t, r.List(context.Background(), &contacts, client.InNamespace(r.namespace)))
	for _, contact := range contacts.Items {
		if !contact.DeletionTimestamp.IsZero() {
			r.model.orphaned[contact.Spec.ContactID], r.model.perhaps[contact.Spec.ContactID] = true, true
		}
	}
}

// enforce ends what observe did, and checks that nothing was written meanwhile.
func (r *modelRun) enforce() {
	if r.observedSince == nil {
		return
	}
	r.note("what was observed is done")
	if writes := r.lms.Writes() - *r.observedSince; writes > 0 {
		r.t.Errorf("%d writing calls to an LMS that is only observed", writes)
	}
	r.observedSince = nil
	r.setMode(v1alpha1.PlatformModeEnforce)
}

func (r *modelRun) setMode(mode v1alpha1.PlatformMode) {
	change(r.company, r.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) { platform.Spec.Mode = mode })
}

// moveHouse gives the platform another time zone.
func (r *modelRun) moveHouse() {
	zone := pick(r.random, zones)
	r.note("the platform moves to %s", zone)
	location, err := time.LoadLocation(zone)
	must(r.t, err)
	r.model.zone = location
	change(r.company, r.defaultPlatform(), func(platform *v1alpha1.LearningPlatform) { platform.Spec.TimeZone = zone })
}

// changeCourse makes a Course, deletes it, or lets it stand for something else.
func (r *modelRun) changeCourse() {
	code := pick(r.random, r.codes)
	if _, there := r.model.courses[code]; !there {
		r.makeCourse(code)
		return
	}
	if r.random.IntN(3) == 0 {
		r.note("delete the Course %s", code)
		must(r.t, r.Delete(context.Background(), &v1alpha1.Course{ObjectMeta: r.named(names.Contact(code))}))
		delete(r.model.courses, code)
		return
	}
	course := r.newOffer(code)
	r.note("let the Course %s stand for %+v", code, course)
	change(r.company, &v1alpha1.Course{ObjectMeta: r.named(names.Contact(code))}, func(o *v1alpha1.Course) {
		o.Spec.CourseKey, o.Spec.Mode = course.key, course.mode
	})
	r.offer(code, course)
}

func (r *modelRun) makeCourse(code string) {
	course := r.newOffer(code)
	r.note("make the Course %s for %+v", code, course)
	r.create(&v1alpha1.Course{ObjectMeta: r.named(names.Contact(code)), Spec: v1alpha1.CourseSpec{CourseCode: code, CourseKey: course.key, Mode: course.mode}})
	r.offer(code, course)
}

func (r *modelRun) offer(code string, course offer) {
	r.model.courses[code] = course
	add(r.model.stoodFor, code, course.key)
}

// newOffer gives one of six courses, so that others are never sold.
func (r *modelRun) newOffer(code string) offer {
	course := offer{key: courseKey(pick(r.random, []string{"1234A", "1234A", "1235A", "1236A", "2100S", "2101S", "3001C"}))}
	switch r.random.IntN(10) {
	case 0:
		course.key = missingKey
	case 1, 2:
		course.mode = pick(r.random, []string{"audit", "verified"})
	}
	for other, offered := range r.model.courses { // Nobody can give a learner two modes of one course.
		if other != code && offered.key == course.key {
			course.mode = offered.mode
		}
	}
	return course
}

// goDown takes the LMS away.
func (r *modelRun) goDown() {
	r.note("the LMS is down")
	r.lms.SetDown(true)
}

// fail lets some calls fail.
func (r *modelRun) fail() {
	fault := pick(r.random, []openedxtest.Fault{
		{Status: http.StatusServiceUnavailable}, {Status: http.StatusInternalServerError}, {Status: http.StatusBadGateway},
		{Status: http.StatusTooManyRequests}, {Status: http.StatusTooManyRequests, RetryAfter: 40 * time.Second},
		{Status: http.StatusServiceUnavailable, RetryAfter: time.Hour},
		{Reset: true}, {Hang: true}, {Lost: true}, {Lost: true, Status: http.StatusBadGateway},
	})
	fault.Times = pick(r.random, []int{1, 1, 2, 3, 8, 0})
	match := pick(r.random, []openedxtest.Match{
		{}, {Method: http.MethodPost}, {Path: "/api/enrollment/"}, {Path: "/eox-core/"}, {Path: "/api/user/"}, {Path: "/oauth2/"},
		{Method: http.MethodPost, Path: "/eox-core/api/v1/user/"}, {Method: http.MethodPost, Path: registrationPath},
	})
	r.note("fail %+v: %+v", match, fault)
	r.hanging = r.hanging || fault.Hang
	r.lms.Fail(match, fault)
}

// endTrouble ends outages and failures.
func (r *modelRun) endTrouble() {
	r.note("trouble ends")
	r.lms.SetDown(false)
	r.lms.ClearFaults()
	r.hanging = false
}

// restart ends Rollcall, and starts it again after a while.
func (r *modelRun) restart() {
	r.note("restart")
	r.stop()
	if r.random.IntN(2) == 0 {
		r.passTime()
	}
	r.starts = append(r.starts, r.clock.Now())
	r.start()
}

// passTime skips seconds, hours or days, or until just before or after midnight.
func (r *modelRun) passTime() {
	now := r.clock.Now()
	until := now.Add(time.Duration(r.random.IntN(120)) * time.Second)
	switch r.random.IntN(4) {
	case 0:
		until = now.Add(time.Duration(r.random.IntN(40)) * time.Hour)
	case 1, 2:
		midnight := r.midnightAfter(now).Add(time.Duration(r.random.IntN(3)-1) * time.Second)
		if midnight.After(now) {
			until = midnight
		}
	}
	r.travelTo(until)
}

// getQuiet waits until Rollcall has nothing to do for the moment.
func (r *modelRun) getQuiet() {
	if r.hanging { // Rollcall would be busy until it gives up.
		r.endTrouble()
	}
	r.note("wait for a quiet moment")
	must(r.t, r.whenIdle(func() (bool, error) { return true, nil }))
}

func asText(d *document) string {
	lines := make([]string, 0, len(d.Enrollments))
	for _, line := range d.Enrollments {
		lines = append(lines, fmt.Sprintf("%s %s..%s", line.CourseCode, line.AccessStartDate, line.AccessEndDate))
	}
	return fmt.Sprintf("%s %s %s <%s>: %s", d.ContactID, d.FirstName, d.LastName, d.Email, strings.Join(lines, ", "))
}
