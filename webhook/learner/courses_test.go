package learner

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
)

// enrolled is the status of an Enrollment that is carried out.
func enrolled(code string) v1alpha1.EnrollmentStatus {
	return v1alpha1.EnrollmentStatus{Enrolled: new(true), CourseKey: keyOf(code)}
}

func (b *browser) courses(contactID string) myCourses {
	b.d.t.Helper()
	return read[myCourses](b.d.t, b.get(coursesOf(contactID)))
}

func TestALearnerSeesAllCoursesWithTheSoonestEndFirst(t *testing.T) {
	d := start(t)
	for _, code := range []string{"open1", "open2", "open3", "soon", "later", "over", "long-over", "taken"} {
		d.course(code)
	}
	accesses := []v1alpha1.CourseAccess{
		sold("over", "2026-01-01", "2026-11-28"), sold("later", "2027-02-01", ""), sold("open1", "2026-01-01", ""),
		sold("soon", "2026-11-30", "2026-12-31"), sold("open2", "2026-11-29", "2027-01-01"), sold("long-over", "2025-01-01", "2025-02-01"),
		sold("open3", "2026-01-01", "2026-12-11"), sold("unknown", "2026-01-01", ""),
	}
	ada := d.contact("000123", "ada", accesses...)
	for _, access := range accesses[1:6] {
		d.enrollment(ada, access, enrolled(access.CourseCode))
	}
	status := enrolled("open3")
	status.Username = "ada"
	status.Grade = v1alpha1.Grade{Hundredths: new(int32(8359)), Letter: "B", Passed: new(true), CourseKey: keyOf("open3"), Username: "ada"}
	d.enrollment(ada, accesses[6], status)
	d.enrollment(ada, sold("taken", "2026-01-01", "2026-12-31"), enrolled("taken"))           // no more in the document
	d.create(&v1alpha1.Enrollment{ObjectMeta: d.meta("extra"), Spec: v1alpha1.EnrollmentSpec{ // that a person gave
		ContactRef: v1alpha1.ContactReference{Name: ada.Name}, CourseCode: "open1", AccessStartDate: "2026-12-24"}})
	d.mentor("dana", "open3")

	got := d.logIn("ada").courses("000123")
	url := func(code string) string { return d.lms.URL + "/courses/" + keyOf(code) + "/course/" }
	read := metav1.NewTime(noon.Add(-time.Hour))
	want := myCourses{TimeZone: "Europe/Berlin", Courses: []course{
		{CourseCode: "open3", CourseKey: keyOf("open3"), Title: "Course open3", URL: url("open3"), State: open, AccessStartDate: "2026-01-01",
			AccessEndDate: "2026-12-11", DaysLeft: new(12), HasMentor: true, Grade: &grade{Percent: 83.5, Letter: "B", Passed: true, ReadTime: &read}},
		{CourseCode: "open2", CourseKey: keyOf("open2"), Title: "Course open2", URL: url("open2"), State: open, AccessStartDate: "2026-11-29",
			AccessEndDate: "2027-01-01", DaysLeft: new(33)},
		{CourseCode: "open1", CourseKey: keyOf("open1"), Title: "Course open1", URL: url("open1"), State: open, AccessStartDate: "2026-01-01"},
		{CourseCode: "unknown", State: open, AccessStartDate: "2026-01-01"},
		{CourseCode: "soon", CourseKey: keyOf("soon"), Title: "Course soon", State: upcoming, AccessStartDate: "2026-11-30", AccessEndDate: "2026-12-31"},
		{CourseCode: "open1", CourseKey: keyOf("open1"), Title: "Course open1", State: upcoming, AccessStartDate: "2026-12-24"},
		{CourseCode: "later", CourseKey: keyOf("later"), Title: "Course later", State: upcoming, AccessStartDate: "2027-02-01"},
		{CourseCode: "over", CourseKey: keyOf("over"), Title: "Course over", State: ended, AccessStartDate: "2026-01-01", AccessEndDate: "2026-11-28"},
		{CourseCode: "long-over", CourseKey: keyOf("long-over"), Title: "Course long-over", State: ended, AccessStartDate: "2025-01-01", AccessEndDate: "2025-02-01"},
		{CourseCode: "taken", CourseKey: keyOf("taken"), Title: "Course taken", State: cancelled, AccessStartDate: "2026-01-01", AccessEndDate: "2026-12-31"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the courses are (-want +got):\n%s", diff)
	}
}

func TestTheGradeOfAnotherCourseRunOrAccountIsNotShown(t *testing.T) {
	d := start(t)
	accesses := []v1alpha1.CourseAccess{sold("run", "2026-01-01", ""), sold("account", "2026-01-01", ""), sold("this", "2026-01-01", "")}
	ada := d.contact("000123", "ada", accesses...)
	graded := map[string]v1alpha1.Grade{
		"run": {CourseKey: keyOf("earlier"), Username: "ada"}, "account": {CourseKey: keyOf("account"), Username: "adal"}, "this": {CourseKey: keyOf("this"), Username: "ada"},
	}
	for _, access := range accesses {
		status := enrolled(access.CourseCode)
		status.Username, status.Grade = "ada", graded[access.CourseCode]
		status.Grade.Hundredths, status.Grade.Passed = new(int32(5000)), new(false)
		d.enrollment(ada, access, status)
	}
	for _, c := range d.logIn("ada").courses("000123").Courses {
		if shown := c.Grade != nil; shown != (c.CourseCode == "this") {
			t.Errorf("%s: the grade is shown: %t", c.CourseCode, shown)
		}
	}
}

func TestProgressIsShownWhereThePlatformHasItRead(t *testing.T) {
	d := start(t)
	d.course("1234A")
	access := sold("1234A", "2026-01-01", "")
	ada := d.contact("000123", "ada", access, sold("1235A", "2026-01-01", ""))
	status := enrolled("1234A")
	status.Username, status.Progress = "ada", v1alpha1.Progress{Hundredths: new(int32(6666)), CourseKey: keyOf("1234A"), Username: "ada"}
	d.enrollment(ada, access, status)
	status = enrolled("1235A")
	status.Username, status.Progress = "ada", v1alpha1.Progress{Hundredths: new(int32(6666)), CourseKey: keyOf("1235A"), Username: "adal"}
	d.enrollment(ada, sold("1235A", "2026-01-01", ""), status) // which is another's
	browser := d.logIn("ada")
	for _, c := range browser.courses("000123").Courses {
		if c.Progress != nil {
			t.Errorf("%s: it is %+v where it is not read", c.CourseCode, c.Progress)
		}
	}
	change(d, &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.ReadProgress = new(true) })
	read := metav1.NewTime(noon.Add(-time.Minute))
	want := map[string]*share{"1234A": {Percent: 66.6, ReadTime: &read}, "1235A": nil}
	for _, c := range browser.courses("000123").Courses {
		if diff := cmp.Diff(want[c.CourseCode], c.Progress); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.CourseCode, diff)
		}
	}
}

// The LMS lists the grades of active learners in the course run that the Course stands for.
func TestTheTimeOfAGradeIsToldOnlyWhileItIsRead(t *testing.T) {
	known := &v1alpha1.Course{}
	known.Spec.CourseKey, known.Status.GradesTime = keyOf("1234A"), &metav1.Time{Time: noon}
	for name, test := range map[string]struct {
		enrolled *bool
		key      string
		told     bool
	}{
		"enrolled":              {new(true), keyOf("1234A"), true},
		"not any more":          {new(false), keyOf("1234A"), false},
		"not yet":               {nil, "", false},
		"in an earlier run":     {new(true), keyOf("1234A-2016"), false},
		"not in an earlier run": {new(false), keyOf("1234A-2016"), false},
	} {
		made := &v1alpha1.Enrollment{Status: v1alpha1.EnrollmentStatus{Enrolled: test.enrolled, CourseKey: test.key,
			Grade: v1alpha1.Grade{Hundredths: new(int32(5000)), Passed: new(false), CourseKey: test.key}}}
		if got := gradeOf(made, known); got == nil || (got.ReadTime != nil) != test.told {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDaysAreCountedForAnyEnd(t *testing.T) {
	for end, want := range map[v1alpha1.Date]int{"2026-11-29": 0, "2026-11-30": 1, "2027-11-29": 365, "9999-12-31": 2912110} {
		if got := daysBetween("2026-11-29", end); got != want {
			t.Errorf("to %s there are %d, want %d", end, got, want)
		}
	}
}

// A course run may be sold under two course codes, and the mentor has one.
func TestOfTwoCoursesWithOneKeyTheOneWithAMentorCounts(t *testing.T) {
	d := start(t)
	accesses := []v1alpha1.CourseAccess{sold("1234A", "2026-01-01", ""), sold("1234B", "2026-01-01", ""), sold("1234C", "2026-01-01", "")}
	ada := d.contact("000123", "ada", accesses...)
	for _, access := range accesses {
		d.enrollment(ada, access, enrolled("1234A"))
	}
	d.mentor("dana", "1234B")
	d.mentor("dana-c", "1234C")
	b := d.logIn("ada")
	for range 3 {
		if got := read[mentor](t, b.get(mentorOf("000123", keyOf("1234A")))); got.CourseCode != "1234B" {
			t.Errorf("it is the mentor of %s", got.CourseCode)
		}
	}
	if a := b.get(mentorOf("000123", "1234A")); a.status != http.StatusNotFound {
		t.Errorf("by the code of one without a mentor: %d", a.status)
	}
}

// What a condition said at the last look is of yesterday after midnight.
func TestACourseOpensAndEndsAtMidnightOfThePlatform(t *testing.T) {
	d := start(t)
	access := sold("1234A", "2026-12-01", "2026-12-02")
	d.enrollment(d.contact("000123", "ada", access), access, v1alpha1.EnrollmentStatus{Access: v1alpha1.AccessUpcoming, Enrolled: new(true), CourseKey: keyOf("1234A")})
	for at, want := range map[string]struct {
		state    state
		daysLeft *int
	}{
		"2026-11-30T22:59:59Z": {upcoming, nil}, // 23:59:59 in Berlin
		"2026-11-30T23:00:00Z": {open, new(1)},
		"2026-12-01T22:59:59Z": {open, new(1)},
		"2026-12-01T23:00:00Z": {open, new(0)},
		"2026-12-02T22:59:59Z": {open, new(0)},
		"2026-12-02T23:00:00Z": {ended, nil},
	} {
		moment, err := time.Parse(time.RFC3339, at)
		must(t, err)
		d.clock.SetTime(moment)
		got := d.logIn("ada").courses("000123").Courses[0]
		if got.State != want.state || cmp.Diff(got.DaysLeft, want.daysLeft) != "" || (got.URL != "") != (want.state == open) {
			t.Errorf("at %s the course is %s with %v days left, and its URL is %q", at, got.State, ptr.Deref(got.DaysLeft, -1), got.URL)
		}
	}

	d.clock.SetTime(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)) // already the next day on Kiritimati
	change(d, &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.TimeZone = "Pacific/Kiritimati" })
	got := d.logIn("ada").courses("000123")
	if got.TimeZone != "Pacific/Kiritimati" || got.Courses[0].State != open || *got.Courses[0].DaysLeft != 0 {
		t.Errorf("in another zone: %+v", got)
	}
}

func TestACourseThatHasToBeCorrectedHasNoKey(t *testing.T) {
	d := start(t)
	course := d.course("1234A")
	d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	b := d.logIn("ada")
	if got := b.courses("000123").Courses[0]; got.CourseKey == "" || got.URL != "" {
		t.Errorf("not enrolled yet: %+v", got)
	}
	course.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionConflict, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonCourseNotFound,
		LastTransitionTime: metav1.NewTime(noon)}}
	current := course.DeepCopy()
	must(t, d.admin.Get(t.Context(), clientKey(course), current))
	current.Status = course.Status
	must(t, d.admin.Status().Update(t.Context(), current))
	d.seen(current)
	if got := b.courses("000123").Courses[0]; got.CourseKey != "" || got.Title != "" {
		t.Errorf("the course is not there: %+v", got)
	}
}

func TestAnEnrollmentThatIsMadeAgainIsNotTakenForAnother(t *testing.T) {
	d := start(t)
	access := sold("1234A", "2026-01-01", "")
	d.contact("000124", "bob", access)
	// Another learner's Enrollment under the name that this one's would have.
	d.create(&v1alpha1.Enrollment{ObjectMeta: d.meta(names.Enrollment("000124", "1234A")),
		Spec:   v1alpha1.EnrollmentSpec{ContactRef: v1alpha1.ContactReference{Name: "other"}, CourseCode: "1234A", AccessStartDate: "2026-01-01"},
		Status: enrolled("1234A")})
	if got := d.logIn("bob").courses("000124").Courses[0]; got.URL != "" {
		t.Errorf("it is enrolled: %+v", got)
	}
}

func TestWhoMentorsACourseIsToldByCodeAndKey(t *testing.T) {
	d := start(t)
	d.course("1234A")
	d.course("soon")
	d.contact("000123", "ada", sold("1234A", "2026-01-01", ""), sold("soon", "2027-01-01", ""), sold("over", "2025-01-01", "2025-12-31"))
	hours := v1alpha1.OfficeHours{TimeZone: "Europe/Berlin", Hours: []v1alpha1.OfficeHour{{Days: []v1alpha1.Weekday{"Mon", "Tue"}, From: "09:00", Until: "12:30"}}}
	d.mentor("dana", "1234A", func(m *v1alpha1.CourseMentorSpec) {
		m.PhotoURL, m.Biography, m.Languages, m.OfficeHours = "https://learn.example.com/dana.jpg", "Paramedic.", []string{"en", "de"}, hours
		m.Deputy = v1alpha1.DeputySpec{MentorProfile: v1alpha1.MentorProfile{DisplayName: "Lee Chen", Email: deputyEmail}, StartDate: "2026-12-01", EndDate: "2026-12-02"}
		m.EndDate = "2026-12-24"
	})
	d.mentor("dana-soon", "soon")
	d.mentor("dana-over", "over")
	b := d.logIn("ada")
	dana := mentor{CourseCode: "1234A", DisplayName: "Dana Wells", PhotoURL: "https://learn.example.com/dana.jpg", Biography: "Paramedic.",
		Languages: []string{"en", "de"}, OfficeHours: hours}
	for _, id := range []string{"1234A", keyOf("1234A"), "course-v1%3AGK%2B1234A%2B2017"} {
		if diff := cmp.Diff(dana, read[mentor](t, b.get(mentorOf("000123", id)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if got := read[mentor](t, b.get(mentorOf("000123", "soon"))); got.DisplayName != "Dana Wells" {
		t.Errorf("of an upcoming course: %+v", got)
	}
	for _, id := range []string{"over", "foreign", keyOf("foreign"), "%20"} {
		if a := b.get(mentorOf("000123", id)); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", id, a.status, a.body)
		}
	}

	d.clock.SetTime(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	if got, want := read[mentor](t, d.logIn("ada").get(mentorOf("000123", "1234A"))), (mentor{CourseCode: "1234A", DisplayName: "Lee Chen", IsDeputy: true}); !cmp.Equal(got, want) {
		t.Errorf("while Dana is away: %+v", got)
	}
	d.clock.SetTime(time.Date(2026, 12, 25, 9, 0, 0, 0, time.UTC))
	if a := d.logIn("ada").get(mentorOf("000123", "1234A")); a.status != http.StatusNotFound {
		t.Errorf("after the mentor's last day: %d %s", a.status, a.body)
	}
}

func TestAChangeOfTheMentorShowsAtOnce(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada", sold("1234A", "2026-01-01", ""))
	dana := d.mentor("dana", "1234A")
	b := d.logIn("ada")
	change(d, dana, func(m *v1alpha1.CourseMentor) { m.Spec.DisplayName = "Dana Wells-Ito" })
	if got := read[mentor](t, b.get(mentorOf("000123", "1234A"))); got.DisplayName != "Dana Wells-Ito" {
		t.Errorf("it is %+v", got)
	}
}

func TestSupportIsToldWhereThereIsSome(t *testing.T) {
	d := start(t)
	d.contact("000123", "ada")
	b := d.logIn("ada")
	if got := read[support](t, b.get(supportOf("000123"))); got.DisplayName != "Learner Services" {
		t.Errorf("it is %+v", got)
	}
	change(d, &v1alpha1.LearningPlatform{ObjectMeta: d.meta("default")}, func(p *v1alpha1.LearningPlatform) { p.Spec.Learners.Support = v1alpha1.SupportSpec{} })
	if a := b.get(supportOf("000123")); a.status != http.StatusNotFound {
		t.Errorf("without support: %d %s", a.status, a.body)
	}
	if a := b.post(supportOf("000123"), letterOf("Help!")); a.status != http.StatusNotFound {
		t.Errorf("a message to nobody: %d %s", a.status, a.body)
	}
}
