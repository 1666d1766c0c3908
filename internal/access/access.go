// Package access knows when an access window is open. Windows are whole days in a platform's time zone.
package access

import (
	"fmt"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// Window is the time in which a learner may take a course, as instants: from Opens, up to but without Closes.
type Window struct {
	// Opens is the first instant of the first day.
	Opens time.Time
	// Closes is the first instant after the last day; zero when there is no end.
	Closes time.Time
}

// NewWindow gives the window from the first instant of the start date to the last one of the end date, which may be
// empty for no end. It fails when a date is not a day in the calendar.
func NewWindow(start, end v1alpha1.Date, zone *time.Location) (Window, error) {
	first, err := time.Parse(time.DateOnly, string(start))
	if err != nil {
		return Window{}, fmt.Errorf("access start date: %w", err)
	}
	window := Window{Opens: firstInstant(first, zone)}
	if end == "" {
		return window, nil
	}
	last, err := time.Parse(time.DateOnly, string(end))
	if err != nil {
		return Window{}, fmt.Errorf("access end date: %w", err)
	}
	window.Closes = firstInstant(last.AddDate(0, 0, 1), zone)
	return window, nil
}

// WindowOf gives the window of an Enrollment in its platform's time zone. It fails when the zone or a date is wrong.
func WindowOf(spec *v1alpha1.EnrollmentSpec, platform *v1alpha1.LearningPlatform) (Window, error) {
	zone, err := time.LoadLocation(platform.Spec.TimeZone)
	if err != nil {
		return Window{}, err
	}
	return NewWindow(spec.AccessStartDate, spec.AccessEndDate, zone)
}

// At says where an instant stands to the window, and when that changes next; zero when it never does.
func (w Window) At(now time.Time) (v1alpha1.Access, time.Time) {
	switch {
	case !w.Closes.IsZero() && !now.Before(w.Closes):
		return v1alpha1.AccessEnded, time.Time{}
	case now.Before(w.Opens):
		return v1alpha1.AccessUpcoming, w.Opens
	default:
		return v1alpha1.AccessOpen, w.Closes
	}
}

// firstInstant gives the first instant of a day in a zone. That is midnight, except where clocks are changed then:
// going forward they skip it, going back they strike it twice.
func firstInstant(day time.Time, zone *time.Location) time.Time {
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
	change, nextChange := midnight.ZoneBounds()
	switch {
	case midnight.Day() != day.Day():
		return nextChange
	case midnight.Hour() != 0 || midnight.Minute() != 0:
		return change
	case change.IsZero():
		return midnight
	}
	_, offset := midnight.Zone()
	_, offsetBefore := change.Add(-time.Nanosecond).Zone()
	if earlier := midnight.Add(time.Duration(offset-offsetBefore) * time.Second); earlier.Before(change) && offsetBefore > offset {
		return earlier
	}
	return midnight
}
