package ingest

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// Each learner of this test has Enrollments, of which the document that is rehearsed lists OPEN, ENDED and LATER alone, the
// last two with days that do not include today.
func TestADryRunSaysWhichEnrollmentsWouldBeWithdrawn(t *testing.T) {
	d := open(t)
	onlyPlatform := &v1alpha1.LearningPlatform{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: platform},
		Spec: v1alpha1.LearningPlatformSpec{URL: "https://learn.acme.com", TimeZone: "Pacific/Kiritimati",
			CredentialsSecretRef: v1alpha1.SecretReference{Name: "open-edx"}},
	}
	must(t, d.admin.Create(t.Context(), onlyPlatform))
	d.seen(onlyPlatform)
	keys := map[string]string{}
	for _, code := range []string{"OPEN", "ENDED", "LATER", "DROPPED", "EXTRA"} {
		keys[code] = d.course(code).Spec.CourseKey
	}

	type sent struct {
		CourseCode, AccessStartDate string
		AccessEndDate               string `json:",omitzero"`
	}
	document := func(contactID string, courses ...sent) string {
		listed, err := json.Marshal(courses)
		must(t, err)
		return `{"Contact": {"ContactID": "` + contactID + `", "FirstName": "Joe", "LastName": "Smith", "Email": "` + contactID +
			`@acme.com", "Enrollments": ` + string(listed) + `}}`
	}
	// Kiritimati is 14 hours ahead of UTC: the day before yesterday has ended everywhere.
	past := time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)
	rehearsed := []sent{{"OPEN", "2020-01-01", ""}, {"ENDED", "2020-01-01", past}, {"LATER", "2099-01-01", ""}, {"GONE", "2020-01-01", ""}}

	// made is an Enrollment that is open, in the course that its code stands for, unless as says otherwise.
	type made struct {
		code string
		as   func(*v1alpha1.Enrollment)
	}
	plain := func(*v1alpha1.Enrollment) {}
	unknown := func(e *v1alpha1.Enrollment) { e.Status.Enrolled = nil }
	out := func(e *v1alpha1.Enrollment) { e.Status.Enrolled = new(false) }
	untried := func(e *v1alpha1.Enrollment) { e.Status = v1alpha1.EnrollmentStatus{} }
	orphan := func(e *v1alpha1.Enrollment) { e.Spec.DeletionPolicy = v1alpha1.DeletionOrphan }
	byAPerson := func(e *v1alpha1.Enrollment) { e.OwnerReferences = nil }
	inCourse := func(code string) func(*v1alpha1.Enrollment) {
		return func(e *v1alpha1.Enrollment) { e.Status.CourseKey = keys[code] }
	}
	ofFormerAccount := func(e *v1alpha1.Enrollment) { e.Status.CourseKey, e.Status.Username = keys["OPEN"], "former" }

	for contactID, test := range map[string]struct {
		made      []made
		suspended bool
		want      []withdrawal
	}{
		"kept":                          {made: []made{{"OPEN", plain}}},
		"dropped":                       {made: []made{{"DROPPED", plain}}, want: []withdrawal{{"DROPPED", courseDropped}}},
		"dropped-unknown":               {made: []made{{"DROPPED", unknown}}, want: []withdrawal{{"DROPPED", courseDropped}}},
		"dropped-not-enrolled":          {made: []made{{"DROPPED", out}}},
		"dropped-untried":               {made: []made{{"DROPPED", untried}}},
		"dropped-orphan":                {made: []made{{"DROPPED", orphan}}},
		"dropped-suspended":             {made: []made{{"DROPPED", plain}}, suspended: true, want: []withdrawal{{"DROPPED", courseDropped}}},
		"renamed":                       {made: []made{{"DROPPED", inCourse("OPEN")}}},
		"renamed-to-an-ended-one":       {made: []made{{"DROPPED", inCourse("ENDED")}}, want: []withdrawal{{"DROPPED", courseDropped}}},
		"renamed-from-an-old-name":      {made: []made{{"DROPPED", ofFormerAccount}}, want: []withdrawal{{"DROPPED", courseDropped}}},
		"dropped-kept-by-a-person":      {made: []made{{"DROPPED", inCourse("EXTRA")}, {"EXTRA", byAPerson}}},
		"dropped-kept-without-a-course": {made: []made{{"DROPPED", plain}, {"GONE", inCourse("DROPPED")}}},
		"of-a-person":                   {made: []made{{"EXTRA", byAPerson}}},
		"ended":                         {made: []made{{"ENDED", plain}}, want: []withdrawal{{"ENDED", windowShut}}},
		"ended-unknown":                 {made: []made{{"ENDED", unknown}}, want: []withdrawal{{"ENDED", windowShut}}},
		"ended-not-enrolled":            {made: []made{{"ENDED", out}}},
		"ended-orphan":                  {made: []made{{"ENDED", orphan}}, want: []withdrawal{{"ENDED", windowShut}}}, // the policy is for deletion
		"ended-open-elsewhere":          {made: []made{{"ENDED", inCourse("OPEN")}}},
		"later":                         {made: []made{{"LATER", plain}}, want: []withdrawal{{"LATER", windowShut}}},
	} {
		t.Run(contactID, func(t *testing.T) {
			d.put(contactID, document(contactID, []sent{}...))
			contact := d.contact(names.Contact(contactID))
			contact.Spec.Suspend = &test.suspended
			must(t, d.admin.Update(t.Context(), contact))
			contact.Status.Learner = v1alpha1.LearnerStatus{Username: "joe", ProvisionedBy: v1alpha1.ProvisionedByCreation}
			must(t, d.admin.Status().Update(t.Context(), contact))
			d.seen(contact)
			for _, made := range test.made {
				enrollment := &v1alpha1.Enrollment{
					ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: names.Enrollment(contactID, made.code),
						OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(contact, v1alpha1.GroupVersion.WithKind("Contact"))}},
					Spec: v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: contact.Name}, CourseCode: made.code,
						AccessStartDate: "2020-01-01"},
					Status: v1alpha1.EnrollmentStatus{Username: "joe", CourseKey: keys[made.code], Enrolled: new(true)},
				}
				made.as(enrollment)
				status := enrollment.Status
				must(t, d.admin.Create(t.Context(), enrollment))
				enrollment.Status = status
				must(t, d.admin.Status().Update(t.Context(), enrollment))
				d.seen(enrollment)
			}
			a := d.rehearse(contactID, document(contactID, rehearsed...))
			if diff := cmp.Diff(test.want, a.planned(t).Withdrawals, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("withdrawals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutAPlatformADryRunSaysThatNobodyIsWithdrawn(t *testing.T) {
	d := open(t)
	d.put("joe", learner("joe", "Joe"))
	contact := d.contact("joe")
	enrollment := &v1alpha1.Enrollment{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: names.Enrollment("joe", "DROPPED"),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(contact, v1alpha1.GroupVersion.WithKind("Contact"))}},
		Spec: v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: "joe"}, CourseCode: "DROPPED", AccessStartDate: "2020-01-01"},
	}
	must(t, d.admin.Create(t.Context(), enrollment))
	enrollment.Status.Username, enrollment.Status.CourseKey, enrollment.Status.Enrolled = "joe", "course-v1:GK+DROPPED+2017", new(true)
	must(t, d.admin.Status().Update(t.Context(), enrollment))
	d.seen(enrollment)
	if got := d.rehearse("joe", learner("joe", "Joe")).planned(t).Withdrawals; len(got) > 0 {
		t.Errorf("withdrawals = %v", got)
	}
}
