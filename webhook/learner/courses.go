package learner

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/access"
	"rollcall.dev/rollcall/internal/claim"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/doors"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=courses;enrollments,verbs=get;list;watch

// myCourses is all that a learner may take, might take, or could take.
type myCourses struct {
	TimeZone string   `json:"timeZone"`
	Courses  []course `json:"courses"`
}

type course struct {
	CourseCode string `json:"courseCode"`
	// CourseKey and Title are those of the LMS, if a usable Course is known.
	CourseKey string `json:"courseKey,omitzero"`
	Title     string `json:"title,omitzero"`
	// URL leads into the course, if the learner can go there now.
	URL             string        `json:"url,omitzero"`
	State           state         `json:"state"`
	AccessStartDate v1alpha1.Date `json:"accessStartDate"`
	AccessEndDate   v1alpha1.Date `json:"accessEndDate,omitzero"`
	// DaysLeft is how many days are left after today, if the course is open and ends.
	DaysLeft  *int   `json:"daysLeft,omitzero"`
	HasMentor bool   `json:"hasMentor"`
	Grade     *grade `json:"grade,omitzero"`
	Progress  *share `json:"progress,omitzero"`
}

// grade is what the learner has reached so far.
type grade struct {
	Percent  float64      `json:"percent"`
	Letter   string       `json:"letter,omitzero"`
	Passed   bool         `json:"passed"`
	ReadTime *metav1.Time `json:"readTime,omitzero"`
}

// share is how much of the course the learner has completed.
type share struct {
	Percent  float64      `json:"percent"`
	ReadTime *metav1.Time `json:"readTime,omitzero"`
}

// state is where a course stands, in the order in which courses are listed.
type state string

const (
	open      state = "open"
	upcoming  state = "upcoming"
	ended     state = "ended"
	cancelled state = "cancelled"
)

var order = []state{open, upcoming, ended, cancelled}

// getCourses lists the learner's courses.
func (s *Server) getCourses(w http.ResponseWriter, r *http.Request, g *guest) error {
	now := s.clock.Now()
	courses, err := s.reception.coursesOf(r.Context(), g, now)
	if err != nil {
		return err
	}
	for i := range courses {
		if c := &courses[i]; c.isCurrent() {
			found, err := s.reception.mentorNow(r.Context(), g, c.CourseCode, now)
			if err != nil {
				return err
			}
			c.HasMentor = found != nil
		}
	}
	slices.SortFunc(courses, compare)
	doors.WriteJSON(w, r, http.StatusOK, myCourses{g.platform.Spec.TimeZone, courses})
	return nil
}

// coursesOf gives the courses of the learner's document, and those beyond it: dropped ones, and extra ones that a person gave.
func (r *reception) coursesOf(ctx context.Context, g *guest, now time.Time) ([]course, error) {
	var list v1alpha1.EnrollmentList
	err := r.cached.List(ctx, &list, client.InNamespace(g.contact.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{index.EnrollmentByContact: g.contact.Name})
	if err != nil {
		return nil, fmt.Errorf("cannot find the learner's enrollments: %w", err)
	}
	made := make(map[string]*v1alpha1.Enrollment, len(list.Items))
	for i := range list.Items {
		made[list.Items[i].Name] = &list.Items[i]
	}
	courses := []course{}
	add := func(sold v1alpha1.CourseAccess, enrollment *v1alpha1.Enrollment, dropped bool) error {
		c, err := r.courseOf(ctx, g, sold, enrollment, dropped, now)
		courses = append(courses, c)
		return err
	}
	for _, sold := range g.contact.Spec.Enrollments {
		name := names.Enrollment(g.contact.Spec.ContactID, sold.CourseCode)
		if err := add(sold, made[name], false); err != nil {
			return nil, err
		}
		delete(made, name)
	}
	for _, enrollment := range made {
		sold := v1alpha1.CourseAccess{CourseCode: enrollment.Spec.CourseCode, AccessStartDate: enrollment.Spec.AccessStartDate,
			AccessEndDate: enrollment.Spec.AccessEndDate}
		if err := add(sold, enrollment, metav1.IsControlledBy(enrollment, g.contact)); err != nil {
			return nil, err
		}
	}
	return courses, nil
}

// courseOf says where a course stands now. There may be no Enrollment of it yet, or none any more.
func (r *reception) courseOf(ctx context.Context, g *guest, sold v1alpha1.CourseAccess, made *v1alpha1.Enrollment, dropped bool, now time.Time) (course, error) {
	c := course{CourseCode: sold.CourseCode, State: cancelled, AccessStartDate: sold.AccessStartDate, AccessEndDate: sold.AccessEndDate}
	if !dropped {
		window, err := access.NewWindow(sold.AccessStartDate, sold.AccessEndDate, g.zone)
		if err != nil {
			return c, err
		}
		standing, _ := window.At(now)
		c.State = map[v1alpha1.Access]state{v1alpha1.AccessOpen: open, v1alpha1.AccessUpcoming: upcoming, v1alpha1.AccessEnded: ended}[standing]
	}
	if c.State == open && sold.AccessEndDate != "" {
		c.DaysLeft = new(daysBetween(g.today(now), sold.AccessEndDate))
	}
	known, err := claim.CourseFor(ctx, r.cached, g.contact.Namespace, r.platform.Name, sold.CourseCode)
	if err != nil {
		return c, fmt.Errorf("cannot find a course: %w", err)
	}
	if known != nil && isUsable(known) {
		c.CourseKey, c.Title = known.Spec.CourseKey, known.Status.Title
	}
	if made == nil {
		return c, nil
	}
	if ptr.Deref(made.Status.Enrolled, false) {
		// The Course may stand for a later run by now.
		c.CourseKey = cmp.Or(made.Status.CourseKey, c.CourseKey)
		if c.State == open && c.CourseKey != "" {
			c.URL = strings.TrimSuffix(g.platform.Spec.URL, "/") + "/courses/" + c.CourseKey + "/course/"
		}
	}
	c.Grade = gradeOf(made, known)
	if ptr.Deref(g.platform.Spec.Learners.ReadProgress, false) {
		c.Progress = progressOf(made, known)
	}
	return c, nil
}

// isUsable is false for a Course that has to be corrected first. One that only waits for the LMS is as good as before.
func isUsable(known *v1alpha1.Course) bool {
	conditions := known.Status.Conditions
	return !meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionConflict) && !meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled)
}

// gradeOf gives what was read of the learner's work; nil if nothing was, or of another course run or account only.
func gradeOf(made *v1alpha1.Enrollment, known *v1alpha1.Course) *grade {
	read := &made.Status.Grade
	if read.Hundredths == nil || read.CourseKey != made.Status.CourseKey || read.Username != made.Status.Username {
		return nil
	}
	g := &grade{Percent: percent(*read.Hundredths), Letter: read.Letter, Passed: ptr.Deref(read.Passed, false)}
	if isRead(made, known) {
		g.ReadTime = known.Status.GradesTime
	}
	return g
}

// progressOf is like gradeOf.
func progressOf(made *v1alpha1.Enrollment, known *v1alpha1.Course) *share {
	read := &made.Status.Progress
	if read.Hundredths == nil || read.CourseKey != made.Status.CourseKey || read.Username != made.Status.Username {
		return nil
	}
	p := &share{Percent: percent(*read.Hundredths)}
	if isRead(made, known) {
		p.ReadTime = known.Status.ProgressTime
	}
	return p
}

// isRead says whether the Course tells when the learner's work was read: only that of active learners is. What others had
// reached is of a time that nobody knows.
func isRead(made *v1alpha1.Enrollment, known *v1alpha1.Course) bool {
	return known != nil && ptr.Deref(made.Status.Enrolled, false) && made.Status.CourseKey == known.Spec.CourseKey
}

// percent is cut to one decimal, not rounded: what is not all is not 100.
func percent(hundredths int32) float64 { return float64(hundredths/10) / 10 }

// isCurrent is true for a course that can be taken, now or later.
func (c *course) isCurrent() bool { return c.State == open || c.State == upcoming }

// compare puts first what is open and ends soonest, then what begins soonest, then what ended last.
func compare(a, b course) int {
	byState := slices.Index(order, a.State) - slices.Index(order, b.State)
	var byDate int
	switch a.State { // matters only when it is also b's
	case open:
		const never = "9999-99-99"
		byDate = cmp.Compare(cmp.Or(a.AccessEndDate, never), cmp.Or(b.AccessEndDate, never))
	case upcoming:
		byDate = cmp.Compare(a.AccessStartDate, b.AccessStartDate)
	case ended, cancelled:
		byDate = cmp.Compare(b.AccessEndDate, a.AccessEndDate)
	}
	return cmp.Or(byState, byDate, cmp.Compare(a.CourseCode, b.CourseCode))
}

// today is which day it is on the platform.
func (g *guest) today(now time.Time) v1alpha1.Date {
	return v1alpha1.Date(now.In(g.zone).Format(time.DateOnly))
}

// daysBetween counts the days from one date to another. Both are days of the calendar.
func daysBetween(from, to v1alpha1.Date) int {
	first, _ := time.Parse(time.DateOnly, string(from))
	last, _ := time.Parse(time.DateOnly, string(to))
	return int((last.Unix() - first.Unix()) / (24 * 60 * 60)) // a Duration ends after 292 years
}
