package mentoring

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

const today = v1alpha1.Date("2026-06-15")

// mentor is one that was made in the order of the ages given: the greater, the older.
func mentor(name string, age int, start, end v1alpha1.Date) v1alpha1.CourseMentor {
	m := v1alpha1.CourseMentor{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1_000_000-int64(age), 0))}}
	m.Spec.DisplayName, m.Spec.StartDate, m.Spec.EndDate = name, start, end
	return m
}

func deputized(m v1alpha1.CourseMentor, start, end v1alpha1.Date) v1alpha1.CourseMentor {
	m.Spec.Deputy = v1alpha1.DeputySpec{MentorProfile: v1alpha1.MentorProfile{DisplayName: m.Name + "'s deputy"}, StartDate: start, EndDate: end}
	return m
}

func deleted(m v1alpha1.CourseMentor) v1alpha1.CourseMentor {
	m.DeletionTimestamp = new(metav1.NewTime(time.Unix(1_000_000, 0)))
	return m
}

func TestOneMentorIsShownOnADay(t *testing.T) {
	for name, test := range map[string]struct {
		mentors []v1alpha1.CourseMentor
		want    string
	}{
		"nobody":                         {nil, ""},
		"always":                         {[]v1alpha1.CourseMentor{mentor("a", 1, "", "")}, "a"},
		"on the first day":               {[]v1alpha1.CourseMentor{mentor("a", 1, today, "")}, "a"},
		"on the last day":                {[]v1alpha1.CourseMentor{mentor("a", 1, "", today)}, "a"},
		"on the only day":                {[]v1alpha1.CourseMentor{mentor("a", 1, today, today)}, "a"},
		"not before the first day":       {[]v1alpha1.CourseMentor{mentor("a", 1, "2026-06-16", "")}, ""},
		"not after the last day":         {[]v1alpha1.CourseMentor{mentor("a", 1, "", "2026-06-14")}, ""},
		"the older of two":               {[]v1alpha1.CourseMentor{mentor("b", 1, "", ""), mentor("a", 2, "", "")}, "a"},
		"the younger when the older has": {[]v1alpha1.CourseMentor{mentor("b", 1, "", ""), mentor("a", 2, "", "2026-06-14")}, "b"},
		"the one who takes over":         {[]v1alpha1.CourseMentor{mentor("a", 2, "", "2026-06-14"), mentor("b", 1, "2026-06-15", "")}, "b"},
		"not one that is being deleted":  {[]v1alpha1.CourseMentor{deleted(mentor("a", 2, "", "")), mentor("b", 1, "", "")}, "b"},
		"the deputy on the first day":    {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", ""), today, "2026-06-20")}, "a's deputy"},
		"the deputy on the last day":     {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", ""), "2026-06-01", today)}, "a's deputy"},
		"the deputy without an end":      {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", ""), "2026-06-01", "")}, "a's deputy"},
		"no deputy on other days":        {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", ""), "2026-06-16", "")}, "a"},
		"no deputy for a mentor who has": {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", "2026-06-14"), "2026-06-01", "")}, ""},
		"no deputy of another's mentor":  {[]v1alpha1.CourseMentor{mentor("a", 2, "", ""), deputized(mentor("b", 1, "", ""), today, "")}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if m, deputy := Now(test.mentors, today); m != nil {
				got = Profile(m, deputy).DisplayName
			}
			if got != test.want {
				t.Errorf("%q is shown, want %q", got, test.want)
			}
		})
	}
}

func TestTheOldestHoldsACourseOnCommonDays(t *testing.T) {
	for name, test := range map[string]struct {
		older, younger v1alpha1.CourseMentor
		want           string
	}{
		"always":                           {mentor("a", 2, "", ""), mentor("b", 1, "", ""), "a"},
		"a common day":                     {mentor("a", 2, "", "2026-07-01"), mentor("b", 1, "2026-07-01", ""), "a"},
		"no common day":                    {mentor("a", 2, "", "2026-07-01"), mentor("b", 1, "2026-07-02", ""), "b"},
		"the younger before the older":     {mentor("a", 2, "2026-07-01", ""), mentor("b", 1, "", "2026-06-30"), "b"},
		"the younger within the older":     {mentor("a", 2, "2026-01-01", "2026-12-31"), mentor("b", 1, "2026-07-01", "2026-07-02"), "a"},
		"the older within the younger":     {mentor("a", 2, "2026-07-01", "2026-07-02"), mentor("b", 1, "2026-01-01", "2026-12-31"), "a"},
		"common days are over":             {mentor("a", 2, "", "2026-06-14"), mentor("b", 1, "2026-06-01", ""), "b"},
		"the last common day is today":     {mentor("a", 2, "", today), mentor("b", 1, "2026-06-01", ""), "a"},
		"the younger has no day left":      {mentor("a", 2, "", ""), mentor("b", 1, "", "2026-06-14"), ""},
		"the older one is about to go":     {deleted(mentor("a", 2, "", "")), mentor("b", 1, "", ""), "b"},
		"neither has a day left in common": {mentor("a", 2, "", "2026-06-14"), mentor("b", 1, "", "2026-06-14"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if holder := Holder([]v1alpha1.CourseMentor{test.younger, test.older}, &test.younger, today); holder != nil {
				got = holder.Name
			}
			if got != test.want {
				t.Errorf("%q holds the course, want %q", got, test.want)
			}
		})
	}
}

func TestTheNextDayOnWhichSomethingChanges(t *testing.T) {
	for name, test := range map[string]struct {
		mentors []v1alpha1.CourseMentor
		want    v1alpha1.Date
	}{
		"nothing ever":            {[]v1alpha1.CourseMentor{mentor("a", 1, "", "")}, ""},
		"the past":                {[]v1alpha1.CourseMentor{mentor("a", 1, "2026-01-01", "2026-06-14")}, ""},
		"the first day":           {[]v1alpha1.CourseMentor{mentor("a", 1, "2026-06-16", "")}, "2026-06-16"},
		"the day after the last":  {[]v1alpha1.CourseMentor{mentor("a", 1, "", "2026-12-31")}, "2027-01-01"},
		"the last day is today":   {[]v1alpha1.CourseMentor{mentor("a", 1, "", today)}, "2026-06-16"},
		"the deputy's days":       {[]v1alpha1.CourseMentor{deputized(mentor("a", 1, "", ""), today, "2026-06-30")}, "2026-07-01"},
		"the soonest of several":  {[]v1alpha1.CourseMentor{mentor("a", 1, "", "2026-08-01"), mentor("b", 2, "2026-07-01", "")}, "2026-07-01"},
		"a date that is no date ": {[]v1alpha1.CourseMentor{mentor("a", 1, "", "2026-02-31")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NextChange(test.mentors, today); got != test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
		})
	}
}

func TestTodayIsThePlatformsDay(t *testing.T) {
	now := time.Date(2026, 6, 14, 23, 30, 0, 0, time.UTC)
	for zone, want := range map[string]v1alpha1.Date{"Europe/Berlin": "2026-06-15", "UTC": "2026-06-14", "America/New_York": "2026-06-14"} {
		platform := &v1alpha1.LearningPlatform{Spec: v1alpha1.LearningPlatformSpec{TimeZone: zone}}
		if got, err := Today(now, platform); err != nil || got != want {
			t.Errorf("in %s it is %q (%v), want %q", zone, got, err, want)
		}
	}
	if _, err := Today(now, &v1alpha1.LearningPlatform{Spec: v1alpha1.LearningPlatformSpec{TimeZone: "Atlantis"}}); err == nil {
		t.Error("there is a day in a zone that does not exist")
	}
}
