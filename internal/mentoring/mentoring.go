// Package mentoring knows who mentors a course on a day, whom learners see then, and where messages to them go. The
// controllers and the learner API ask it, so that what a page shows and what a condition says never disagree.
package mentoring

import (
	"fmt"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/claim"
)

// Today gives the day that it is on a platform. It fails when the platform's time zone is not in the IANA database.
func Today(now time.Time, platform *v1alpha1.LearningPlatform) (v1alpha1.Date, error) {
	zone, err := time.LoadLocation(platform.Spec.TimeZone)
	if err != nil {
		return "", fmt.Errorf("the platform's time zone: %w", err)
	}
	return v1alpha1.Date(now.In(zone).Format(time.DateOnly)), nil
}

// Now gives the one among the CourseMentors of a course that mentors it today, or nil, and says whether its deputy stands in.
func Now(mentors []v1alpha1.CourseMentor, today v1alpha1.Date) (mentor *v1alpha1.CourseMentor, deputy bool) {
	var present []v1alpha1.CourseMentor
	for i := range mentors {
		if spec := &mentors[i].Spec; include(spec.StartDate, spec.EndDate, today) {
			present = append(present, mentors[i])
		}
	}
	mentor = claim.Oldest(present)
	return mentor, mentor != nil && deputyStandsIn(mentor, today)
}

// Profile gives the person whom learners see and write to: the mentor, or the deputy.
func Profile(mentor *v1alpha1.CourseMentor, deputy bool) v1alpha1.MentorProfile {
	if deputy {
		return mentor.Spec.Deputy.MentorProfile
	}
	return mentor.Spec.MentorProfile
}

// Holder gives the CourseMentor that mentors a course first on a day of the mentor, today or later: the mentor, unless an
// older one of the mentors does. It is nil when neither has a day left.
func Holder(mentors []v1alpha1.CourseMentor, mentor *v1alpha1.CourseMentor, today v1alpha1.Date) *v1alpha1.CourseMentor {
	var claimants []v1alpha1.CourseMentor
	for i := range mentors {
		if other := &mentors[i].Spec; meet(other, &mentor.Spec, today) {
			claimants = append(claimants, mentors[i])
		}
	}
	return claim.Oldest(claimants)
}

// NextChange gives the first day after today on which somebody else is shown to the learners of a course, or may be; empty
// when there is none.
func NextChange(mentors []v1alpha1.CourseMentor, today v1alpha1.Date) v1alpha1.Date {
	var next v1alpha1.Date
	for i := range mentors {
		spec := &mentors[i].Spec
		for _, day := range []v1alpha1.Date{spec.StartDate, dayAfter(spec.EndDate), spec.Deputy.StartDate, dayAfter(spec.Deputy.EndDate)} {
			if day > today && (next == "" || day < next) {
				next = day
			}
		}
	}
	return next
}

func deputyStandsIn(mentor *v1alpha1.CourseMentor, today v1alpha1.Date) bool {
	deputy := &mentor.Spec.Deputy
	return deputy.DisplayName != "" && include(deputy.StartDate, deputy.EndDate, today)
}

// include says whether the days from start to end, each of which may be open, include one. Dates are in order as text.
func include(start, end, day v1alpha1.Date) bool {
	return start <= day && (end == "" || day <= end)
}

// meet says whether two mentors have a day in common, today or later.
func meet(a, b *v1alpha1.CourseMentorSpec, today v1alpha1.Date) bool {
	first := max(a.StartDate, b.StartDate, today)
	return include(a.StartDate, a.EndDate, first) && include(b.StartDate, b.EndDate, first)
}

func dayAfter(date v1alpha1.Date) v1alpha1.Date {
	day, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		return "" // There is no such day.
	}
	return v1alpha1.Date(day.AddDate(0, 0, 1).Format(time.DateOnly))
}
