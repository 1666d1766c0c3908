package access

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestWindowCoversWholeDaysInThePlatformsZone(t *testing.T) {
	for name, test := range map[string]struct {
		zone, start, end string
		now              string
		want             v1alpha1.Access
		next             string
	}{
		"the second before the first day":   {"Europe/Berlin", "2017-10-01", "2018-09-30", "2017-09-30T23:59:59+02:00", v1alpha1.AccessUpcoming, "2017-10-01T00:00:00+02:00"},
		"the first instant":                 {"Europe/Berlin", "2017-10-01", "2018-09-30", "2017-10-01T00:00:00+02:00", v1alpha1.AccessOpen, "2018-10-01T00:00:00+02:00"},
		"the last second of the last day":   {"Europe/Berlin", "2017-10-01", "2018-09-30", "2018-09-30T23:59:59+02:00", v1alpha1.AccessOpen, "2018-10-01T00:00:00+02:00"},
		"the first instant after it":        {"Europe/Berlin", "2017-10-01", "2018-09-30", "2018-10-01T00:00:00+02:00", v1alpha1.AccessEnded, ""},
		"one day":                           {"UTC", "2017-10-01", "2017-10-01", "2017-10-01T12:00:00Z", v1alpha1.AccessOpen, "2017-10-02T00:00:00Z"},
		"no end":                            {"UTC", "2017-10-01", "", "2099-01-01T00:00:00Z", v1alpha1.AccessOpen, ""},
		"winter begins in the window":       {"Europe/Berlin", "2026-10-25", "2026-10-25", "2026-10-25T00:00:00+02:00", v1alpha1.AccessOpen, "2026-10-26T00:00:00+01:00"},
		"midnight is skipped (Santiago)":    {"America/Santiago", "2025-09-07", "", "2025-09-06T23:59:59-04:00", v1alpha1.AccessUpcoming, "2025-09-07T01:00:00-03:00"},
		"midnight strikes twice (Havana)":   {"America/Havana", "2025-11-02", "", "2025-11-01T23:59:59-04:00", v1alpha1.AccessUpcoming, "2025-11-02T00:00:00-04:00"},
		"the zone decides which day it is":  {"Pacific/Auckland", "2026-01-02", "", "2026-01-01T11:00:00Z", v1alpha1.AccessOpen, ""},
		"and keeps the window shut in west": {"America/Los_Angeles", "2026-01-02", "", "2026-01-02T07:59:59Z", v1alpha1.AccessUpcoming, "2026-01-02T08:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			window, err := NewWindow(v1alpha1.Date(test.start), v1alpha1.Date(test.end), zone)
			if err != nil {
				t.Fatal(err)
			}
			got, next := window.At(instant(t, test.now))
			if got != test.want {
				t.Errorf("access = %s, want %s", got, test.want)
			}
			if test.next == "" && !next.IsZero() || test.next != "" && !next.Equal(instant(t, test.next)) {
				t.Errorf("next change = %s, want %q", next, test.next)
			}
		})
	}
}

func TestWindowRefusesDaysThatDoNotExist(t *testing.T) {
	if _, err := NewWindow("2017-02-30", "", time.UTC); err == nil {
		t.Error("30 February was taken as a start date")
	}
	if _, err := NewWindow("2017-02-01", "2017-02-30", time.UTC); err == nil {
		t.Error("30 February was taken as an end date")
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
