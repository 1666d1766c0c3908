package access

import (
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// defaultRetentionDays is the default of a platform's endedEnrollmentRetentionDays.
const defaultRetentionDays = 30

// Retention is for how long an Enrollment is kept as an object after its access has ended. The zero value keeps all.
type Retention struct {
	days int
	zone *time.Location
}

// NewRetention gives the retention of a platform. Without a platform, or without its time zone, nobody knows when a day
// ends, and all is kept.
func NewRetention(platform *v1alpha1.LearningPlatform) Retention {
	if platform == nil {
		return Retention{}
	}
	zone, err := time.LoadLocation(platform.Spec.TimeZone)
	if err != nil {
		return Retention{}
	}
	days := int32(defaultRetentionDays)
	if set := platform.Spec.EndedEnrollmentRetentionDays; set != nil {
		days = *set
	}
	return Retention{days: int(days), zone: zone}
}

// Left gives the time for which an access that has ended is still kept, and whether that is over; no time and false while
// it has not ended. It counts from the end of the access, or from when the contact came to be known if that was later: so
// a new contact shows all courses of its document for a while.
func (r Retention) Left(course *v1alpha1.CourseAccess, known, now time.Time) (left time.Duration, over bool) {
	if r.zone == nil {
		return 0, false
	}
	window, err := NewWindow(course.AccessStartDate, course.AccessEndDate, r.zone)
	if err != nil || window.Closes.IsZero() || now.Before(window.Closes) {
		return 0, false
	}
	since := window.Closes
	if known.After(since) {
		since = known
	}
	left = since.AddDate(0, 0, r.days).Sub(now)
	return left, left <= 0
}
