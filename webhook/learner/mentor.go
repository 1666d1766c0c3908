package learner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/mentoring"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// +kubebuilder:rbac:groups=rollcall.dev,resources=coursementors,verbs=get;list;watch

// mentor is what learners see of who mentors a course. The e-mail address is no part of it.
type mentor struct {
	CourseCode  string   `json:"courseCode"`
	DisplayName string   `json:"displayName"`
	PhotoURL    string   `json:"photoURL,omitzero"`
	Biography   string   `json:"biography,omitzero"`
	Languages   []string `json:"languages,omitzero"`
	// OfficeHours are as the CourseMentor has them.
	OfficeHours v1alpha1.OfficeHours `json:"officeHours,omitzero"`
	// IsDeputy says that this is who stands in for the mentor.
	IsDeputy bool `json:"isDeputy,omitzero"`
}

// getMentor tells who mentors one of the learner's courses now.
func (s *Server) getMentor(w http.ResponseWriter, r *http.Request, g *guest) error {
	courseCode, found, err := s.mentorOf(r, g)
	if err != nil {
		return err
	}
	doors.WriteJSON(w, r, http.StatusOK, mentor{
		CourseCode: courseCode, DisplayName: found.DisplayName, PhotoURL: found.PhotoURL, Biography: found.Biography,
		Languages: found.Languages, OfficeHours: found.OfficeHours, IsDeputy: found.isDeputy,
	})
	return nil
}

func (s *Server) postToMentor(w http.ResponseWriter, r *http.Request, g *guest) error {
	courseCode, _, err := s.mentorOf(r, g)
	if closed := (*problem.Problem)(nil); err != nil && !errors.As(err, &closed) {
		return err
	}
	return s.messages.take(w, r, g, v1alpha1.LearnerMessageSpec{Recipient: v1alpha1.RecipientMentor, CourseCode: courseCode}, err)
}

// profile is a mentor or who stands in for one.
type profile struct {
	v1alpha1.MentorProfile
	isDeputy bool
}

// mentorOf gives the code of the course that a request names by code or key, and who mentors it now. With an error, the code is that
// of a course that the learner had.
func (s *Server) mentorOf(r *http.Request, g *guest) (courseCode string, found *profile, err error) {
	now := s.clock.Now()
	courses, err := s.reception.coursesOf(r.Context(), g, now)
	if err != nil {
		return "", nil, err
	}
	id := r.PathValue("courseID")
	courses = slices.DeleteFunc(courses, func(c course) bool { return c.CourseCode != id && c.CourseKey != id })
	if len(courses) == 0 {
		return "", nil, notYours()
	}
	slices.SortFunc(courses, compare)
	for i := range courses { // several may have the key, and one of them a mentor
		if c := &courses[i]; c.isCurrent() {
			if found, err = s.reception.mentorNow(r.Context(), g, c.CourseCode, now); found != nil || err != nil {
				return c.CourseCode, found, err
			}
		}
	}
	if !courses[0].isCurrent() {
		return courses[0].CourseCode, nil, notYours()
	}
	return courses[0].CourseCode, nil, problem.NotFound("Nobody mentors this course now.")
}

func notYours() error {
	return problem.NotFound("This is none of your courses that are open or begin later.")
}

// mentorNow gives who mentors a course now, or nil.
func (r *reception) mentorNow(ctx context.Context, g *guest, courseCode string, now time.Time) (*profile, error) {
	var list v1alpha1.CourseMentorList
	err := r.cached.List(ctx, &list, client.InNamespace(r.platform.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{index.MentorByCourse: index.Key(r.platform.Name, courseCode)})
	if err != nil {
		return nil, fmt.Errorf("cannot find the course's mentors: %w", err)
	}
	holder, isDeputy := mentoring.Now(list.Items, g.today(now))
	if holder == nil {
		return nil, nil
	}
	return &profile{mentoring.Profile(holder, isDeputy), isDeputy}, nil
}
